#include "filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/traffic/testing/transcript.h"

#include "commands.h"

namespace mishap::protocols::redis {
namespace {

using fault::ProtocolAction;
using namespace traffic::testing;
using std::chrono::milliseconds;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() { return std::make_unique<RedisFilter>(); }

template <class... Words>
std::string cmd(Words... words) {
  return encode_command({words...});
}
Rules oom(std::map<std::string, std::string> matchers) {
  return {rule(ProtocolAction::error, std::move(matchers), "OOM too much")};
}
const std::string kOom = "-OOM too much\r\n";

TEST(RedisFilter, PassesEveryKindOfValueUnchanged) {
  std::string values =
      "+OK\r\n-ERR "
      "x\r\n:5\r\n$3\r\na\nb\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n$1\r\na\r\n*1\r\n:1\r\n_\r\n#t\r\n"
      ",1.5\r\n(123\r\n=7\r\ntxt:abc\r\n!3\r\nERR\r\n~1\r\n:1\r\n%1\r\n+k\r\n:1\r\n|1\r\n+a\r\n+"
      "b\r\n:7\r\n"
      "$?\r\n;2\r\nab\r\n;0\r\n*?\r\n:1\r\n.\r\n";
  std::string asked;
  for (int i = 0; i < 19; ++i) asked += cmd("GET", "k");
  std::string caught = cmd("GET", "bad");
  Outcome out = replay_all_ways(make, Transcript().client(asked + caught).server(values),
                                oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_server, asked);
  EXPECT_EQ(out.to_client, values + kOom) << "nineteen values answer nineteen commands";
}

TEST(RedisFilter, KeepsTheOrderOfAPipeline) {
  Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(cmd("SET", "a", "1") + cmd("GET", "bad:1") + cmd("GET", "a"))
                          .server("+OK\r\n$1\r\n1\r\n"),
                      oom({{"key", "bad:*"}}));
  EXPECT_EQ(out.to_server, cmd("SET", "a", "1") + cmd("GET", "a"));
  EXPECT_EQ(out.to_client, "+OK\r\n" + kOom + "$1\r\n1\r\n");
  ASSERT_EQ(out.reports.size(), 1u);
  EXPECT_EQ(out.reports[0].text(), "error command=GET key=bad:1 error=OOM too much");
}

TEST(RedisFilter, AnyKeyOfACommandCounts) {
  Outcome out = replay_all_ways(
      make, Transcript().client(cmd("mget", "a", "b") + cmd("EVAL", "s", "2", "x", "b", "arg")),
      oom({{"key", "b"}}));
  EXPECT_EQ(out.to_client, kOom + kOom);
  EXPECT_EQ(out.reports.at(0).text(), "error command=MGET key=b error=OOM too much");
  EXPECT_EQ(replay_all_ways(make, Transcript().client(cmd("SET", "a", "b")), oom({{"key", "b"}}))
                .to_client,
            "");
}

TEST(RedisFilter, SetupCommandsAreMetByNameOnly) {
  std::string setup = cmd("HELLO", "3") + cmd("AUTH", "x") + cmd("SELECT", "1") +
                      cmd("CLIENT", "SETNAME", "n") + cmd("PING");
  EXPECT_EQ(replay_all_ways(make, Transcript().client(setup), oom({{"key", "*"}})).to_server,
            setup);
  EXPECT_EQ(
      replay_all_ways(make, Transcript().client(cmd("PING")), oom({{"command", "ping"}})).to_client,
      kOom);
}

TEST(RedisFilter, RespondsWithAStringOrTheNilOfTheVersion) {
  fault::ProtocolRule nil = rule(ProtocolAction::respond, {{"key", "n"}});
  fault::ProtocolRule text = rule(ProtocolAction::respond, {{"key", "t"}});
  text.body = "hi";
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(cmd("GET", "n") + cmd("GET", "t") + cmd("HELLO", "3"))
                                    .server("%1\r\n+proto\r\n:3\r\n")
                                    .client(cmd("GET", "n")),
                                {nil, text});
  EXPECT_EQ(out.to_client, "$-1\r\n$2\r\nhi\r\n%1\r\n+proto\r\n:3\r\n_\r\n");
  out = replay_all_ways(
      make, Transcript().client(cmd("HELLO", "3")).server("-NOPROTO\r\n").client(cmd("GET", "n")),
      {nil});
  EXPECT_EQ(out.to_client, "-NOPROTO\r\n$-1\r\n");
}

TEST(RedisFilter, ErrorsAreOneLineAndHaveAType) {
  EXPECT_EQ(encode_error("disk\r\nfull"), "-ERR disk  full\r\n");
  EXPECT_EQ(encode_error("READONLY no"), "-READONLY no\r\n");
  Outcome out =
      replay_all_ways(make, Transcript().client("GET k\r\n"), {rule(ProtocolAction::error)});
  EXPECT_EQ(out.to_client, "-ERR injected fault\r\n");
}

TEST(RedisFilter, AFailedCommandBreaksItsTransaction) {
  Transcript talk;
  talk.client(cmd("MULTI") + cmd("SET", "a", "1") + cmd("SET", "bad", "1") + cmd("EXEC") +
              cmd("GET", "a"))
      .server("+OK\r\n+QUEUED\r\n")
      .server("+OK\r\n")
      .server("$-1\r\n");
  Outcome out = replay_all_ways(make, talk, oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_server, cmd("MULTI") + cmd("SET", "a", "1") + cmd("DISCARD") + cmd("GET", "a"));
  EXPECT_EQ(out.to_client,
            "+OK\r\n+QUEUED\r\n" + kOom +
                "-EXECABORT Transaction discarded because of previous errors.\r\n$-1\r\n");
}

TEST(RedisFilter, AFailedExecEndsTheServersTransactionToo) {
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(cmd("MULTI") + cmd("INCR", "a") + cmd("EXEC"))
                                    .server("+OK\r\n+QUEUED\r\n+OK\r\n"),
                                oom({{"command", "EXEC"}}));
  EXPECT_EQ(out.to_server, cmd("MULTI") + cmd("INCR", "a") + cmd("DISCARD"));
  EXPECT_EQ(out.to_client, "+OK\r\n+QUEUED\r\n" + kOom);
}

TEST(RedisFilter, SubscriptionsAreConfirmedOncePerChannel) {
  std::string confirm = "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n";
  std::string message = "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n";
  std::string left = "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n";
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(cmd("SUBSCRIBE", "a", "b"))
                                    .server(confirm + message + confirm)
                                    .client(cmd("UNSUBSCRIBE"))
                                    .server(message + left + left)
                                    .client(cmd("GET", "bad") + cmd("GET", "x"))
                                    .server("+x\r\n"),
                                oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_client, confirm + message + confirm + message + left + left + kOom + "+x\r\n");
}

TEST(RedisFilter, PushesComeInBetween) {
  std::string push = ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n";
  Transcript talk;
  talk.client(cmd("GET", "a")).server(push).client(cmd("GET", "bad")).server("$1\r\n1\r\n");
  Outcome out = replay_all_ways(make, talk.server(push), oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_client, push + "$1\r\n1\r\n" + kOom + push);
}

TEST(RedisFilter, ClientsMayAskNotToBeAnswered) {
  Transcript talk;
  talk.client(cmd("CLIENT", "REPLY", "OFF") + cmd("GET", "bad") + cmd("SET", "a", "1") +
              cmd("CLIENT", "REPLY", "ON"))
      .server("+OK\r\n")
      .client(cmd("CLIENT", "REPLY", "SKIP") + cmd("SET", "a", "1") + cmd("GET", "bad"));
  Outcome out = replay_all_ways(make, talk, oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_client, "+OK\r\n" + kOom);
}

TEST(RedisFilter, MonitorTurnsIntoAStream) {
  Outcome out = replay_all_ways(
      make, Transcript().client(cmd("MONITOR")).server("+OK\r\n+1 \"GET\"\r\n+2 \"GET\"\r\n"),
      oom({{"key", "bad"}}));
  EXPECT_EQ(out.to_client, "+OK\r\n+1 \"GET\"\r\n+2 \"GET\"\r\n");
}

TEST(RedisFilter, BlockedAnswersHoldUpMadeUpOnes) {
  Transcript talk;
  talk.client(cmd("BLPOP", "q", "0") + cmd("GET", "bad"));
  EXPECT_EQ(replay_all_ways(make, talk, oom({{"key", "bad"}})).to_client, "");
  EXPECT_EQ(replay_all_ways(make, talk.server("*-1\r\n"), oom({{"key", "bad"}})).to_client,
            "*-1\r\n" + kOom);
}

TEST(RedisFilter, DelaysHoldTheCommandsButNotTheAnswers) {
  Transcript talk;
  talk.client(cmd("GET", "a")).client(cmd("SLOW", "x") + cmd("GET", "b")).server("+a\r\n");
  Rules rules = {delay_rule(milliseconds(5), {{"command", "slow"}})};
  Outcome held = replay_all_ways(make, talk.advance(milliseconds(4)), rules);
  EXPECT_EQ(held.to_server, cmd("GET", "a"));
  EXPECT_EQ(held.to_client, "+a\r\n");
  EXPECT_EQ(held.reports.at(0).text(), "delay command=SLOW key=x delay_ms=5");
  EXPECT_EQ(replay_all_ways(make, talk.advance(milliseconds(1)), rules).to_server,
            cmd("GET", "a") + cmd("SLOW", "x") + cmd("GET", "b"));
}

TEST(RedisFilter, DropClosesAfterTheAnswersBeforeIt) {
  Outcome out = replay_all_ways(
      make, Transcript().client(cmd("GET", "a") + cmd("GET", "bad")).server("+a\r\n"),
      {rule(ProtocolAction::drop, {{"key", "bad"}})});
  EXPECT_EQ(out.to_client, "+a\r\n");
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.reports.at(0).text(), "drop command=GET key=bad");
}

TEST(RedisFilter, WhatIsNotRedisPasses) {
  std::string hello("\x16\x03\x01\x00\x05hello", 10);
  Outcome out = replay_all_ways(make, Transcript().client(hello).server("\x15\x01"), oom({}));
  EXPECT_EQ(out.to_server, hello);
  EXPECT_EQ(out.to_client, "\x15\x01");
  std::string inline_commands = "\r\nset a \"b c\\x41\"\r\nget 'a'\r\n";
  out = replay_all_ways(make, Transcript().client(inline_commands).server("+OK\r\n").client_eof(),
                        oom({{"key", "zz"}}));
  EXPECT_EQ(out.to_server, inline_commands);
  EXPECT_TRUE(out.eof_to_server);
}

TEST(RedisFilter, LateRulesMeetOpenConnections) {
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(cmd("GET", "a"))
                                    .rules(oom({{"key", "a"}}))
                                    .client(cmd("GET", "a"))
                                    .server("+1\r\n"),
                                {});
  EXPECT_EQ(out.to_client, "+1\r\n" + kOom);
}

TEST(RedisCommands, KeysAreWhereTheServerSays) {
  using ::testing::ElementsAre;
  auto keys = [](const std::vector<std::string>& words) { return key_positions(words); };
  EXPECT_THAT(keys({"get", "a"}), ElementsAre(1));
  EXPECT_THAT(keys({"MSET", "a", "1", "b", "2"}), ElementsAre(1, 3));
  EXPECT_THAT(keys({"BLPOP", "a", "b", "0"}), ElementsAre(1, 2));
  EXPECT_THAT(keys({"XREAD", "COUNT", "1", "streams", "a", "b", "0", "0"}), ElementsAre(4, 5));
  EXPECT_THAT(keys({"ZUNIONSTORE", "d", "2", "a", "b"}), ElementsAre(1, 3, 4));
  EXPECT_THAT(keys({"EVAL", "s", "99", "a"}), ElementsAre(3));
  EXPECT_THAT(keys({"EVAL", "s", "-1", "a"}), ElementsAre());
  EXPECT_THAT(keys({"OBJECT", "ENCODING", "a"}), ElementsAre(2));
  EXPECT_THAT(keys({"PUBLISH", "c", "m"}), ElementsAre());
  EXPECT_THAT(keys({"GET"}), ElementsAre());
}

TEST(RedisCodec, DecodesWhatScannersAccept) {
  auto decode = [](std::string_view bytes) {
    auto reply = decode_reply(bytes);
    if (!reply) return "failed: " + reply.error().message;
    return reply->is_error ? "error " + reply->error : to_text(reply->value);
  };
  EXPECT_EQ(decode("*3\r\n:1\r\n$-1\r\n-ERR x\r\n"), "[1,null,\"ERR x\"]");
  EXPECT_EQ(decode("%1\r\n+k\r\n,2.5\r\n"), "{\"k\":2.5}");
  EXPECT_EQ(decode("=7\r\ntxt:abc\r\n"), "\"abc\"");
  EXPECT_EQ(decode("$?\r\n;1\r\na\r\n;0\r\n"), "\"a\"");
  EXPECT_EQ(decode("|1\r\n+a\r\n+b\r\n#t\r\n"), "true");
  EXPECT_EQ(decode("!5\r\nERR x\r\n"), "error ERR x");
  EXPECT_EQ(decode("(12345678901234567890\r\n"), "\"12345678901234567890\"");
  EXPECT_EQ(decode("$5\r\nab"), "failed: malformed reply");
}

}  // namespace
}  // namespace mishap::protocols::redis
