#include "filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/traffic/testing/transcript.h"

namespace mishap::protocols::http {
namespace {

using fault::ProtocolAction;
using namespace traffic::testing;
using std::chrono::milliseconds;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() { return std::make_unique<HttpFilter>(); }

constexpr std::string_view kGet = "GET /users/1?x=2 HTTP/1.1\r\nHost: api\r\n\r\n";
constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view kBoom =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
    "Content-Length: 16\r\n\r\n{\"error\":\"boom\"}";

Rules boom(const std::string& path) {
  return {rule(ProtocolAction::error, {{"path", path}}, "boom")};
}

TEST(HttpFilter, PassesWhatNoRuleConcernsUnchanged) {
  std::string post =
      "POST /a HTTP/1.1\r\nhost:  x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n0\r\nTrailer: 1\r\n\r\n";
  std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  Transcript talk;
  talk.client(kGet).server(kOk).client(post).server(chunked).client_eof().server_eof();
  for (const Rules& rules : {Rules{}, boom("/other")}) {
    Outcome out = replay_all_ways(make, talk, rules);
    EXPECT_EQ(out.to_server, std::string(kGet) + post);
    EXPECT_EQ(out.to_client, std::string(kOk) + chunked);
    EXPECT_TRUE(out.eof_to_server && out.eof_to_client && out.reports.empty());
  }
}

TEST(HttpFilter, AnswersWithAnErrorAndKeepsTheConnection) {
  std::string post = "POST /orders%20x HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345";
  Outcome out =
      replay_all_ways(make, Transcript().client(post).client(kGet).server(kOk), boom("/orders x"));
  EXPECT_EQ(out.to_server, kGet);
  EXPECT_EQ(out.to_client, std::string(kBoom) + std::string(kOk));
  ASSERT_EQ(out.reports.size(), 1u);
  EXPECT_EQ(out.reports[0].text(), "error method=POST path=/orders x status=500");
}

TEST(HttpFilter, AMadeUpAnswerWaitsForTheAnswersBeforeIt) {
  std::string caught = "GET /bad HTTP/1.1\r\n\r\n";
  Outcome out = replay_all_ways(
      make,
      Transcript().client(std::string(kGet) + caught + std::string(kGet)).server(kOk).server(kOk),
      boom("/bad"));
  EXPECT_EQ(out.to_server, std::string(kGet) + std::string(kGet));
  EXPECT_EQ(out.to_client, std::string(kOk) + std::string(kBoom) + std::string(kOk));
}

TEST(HttpFilter, RespondsWithStatusBodyAndHeadersOfTheRule) {
  fault::ProtocolRule limited = rule(ProtocolAction::respond, {{"method", "g*"}});
  limited.status = 429;
  limited.body = "slow down";
  limited.headers = {
      {"Content-Type", "text/plain"}, {"Retry-After", "1\r\nX: y"}, {"Content-Length", "5"}};
  Outcome out = replay_all_ways(make, Transcript().client(kGet), {limited});
  EXPECT_EQ(out.to_client,
            "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\n"
            "Retry-After: 1  X: y\r\nContent-Length: 9\r\n\r\nslow down");
  EXPECT_EQ(out.to_server, "");
}

TEST(HttpFilter, AResponseWithoutStatusIs500AndHeadHasNoBody) {
  fault::ProtocolRule plain = rule(ProtocolAction::respond);
  plain.body = "abc";
  Outcome out = replay_all_ways(make, Transcript().client("HEAD / HTTP/1.1\r\n\r\n"), {plain});
  EXPECT_EQ(out.to_client,
            "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
            "Content-Length: 3\r\n\r\n");
}

TEST(HttpFilter, AnErrorWithoutMessageHasNoBody) {
  const Outcome out =
      replay_all_ways(make, Transcript().client(kGet), {rule(ProtocolAction::error)});
  EXPECT_EQ(out.to_client,
            "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(HttpFilter, ClosesAfterItsAnswerWhenTheClientAskedForIt) {
  Outcome out = replay_all_ways(
      make, Transcript().client("GET /x HTTP/1.1\r\nConnection: close\r\n\r\n"), boom("/x"));
  EXPECT_THAT(out.to_client, ::testing::HasSubstr("Connection: close\r\n\r\n{\"error\""));
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(HttpFilter, InvitesTheBodyOfAnExpectingRequestBeforeItAnswers) {
  std::string head = "PUT /x HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  Outcome out = replay_all_ways(
      make, Transcript().client(head).client("abc").client(kGet).server(kOk), boom("/x"));
  EXPECT_EQ(out.to_client, "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kBoom) + std::string(kOk));
  EXPECT_EQ(out.to_server, kGet);
}

TEST(HttpFilter, FollowsInterimResponsesAndBodilessOnes) {
  std::string expecting = "PUT /y HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  Transcript talk;
  talk.client(expecting)
      .server("HTTP/1.1 100 Continue\r\n\r\n")
      .client("abc")
      .server("HTTP/1.1 204 No Content\r\n\r\n")
      .client("HEAD /z HTTP/1.1\r\n\r\n")
      .server("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
      .client("GET /x HTTP/1.1\r\n\r\n");
  Outcome out = replay_all_ways(make, talk, boom("/x"));
  EXPECT_EQ(out.to_server, expecting + "abcHEAD /z HTTP/1.1\r\n\r\n");
  EXPECT_THAT(out.to_client, ::testing::EndsWith(std::string(kBoom)));
}

TEST(HttpFilter, DelaysHoldTheRequestAndAddUpWithWhatFollows) {
  Rules rules = {delay_rule(milliseconds(100)), delay_rule(milliseconds(50)), boom("*")[0]};
  Transcript held;
  held.client(kGet).advance(milliseconds(149));
  EXPECT_EQ(replay_all_ways(make, held, rules).to_client, "");
  Outcome out = replay_all_ways(make, held.advance(milliseconds(1)), rules);
  EXPECT_EQ(out.to_client, kBoom);
  ASSERT_EQ(out.reports.size(), 2u);
  EXPECT_EQ(out.reports[0].text(), "delay method=GET path=/users/1 delay_ms=150");

  Outcome forwarded = replay_all_ways(
      make, Transcript().client(kGet).client(kGet).advance(milliseconds(100)).client_eof(),
      {delay_rule(milliseconds(60))});
  EXPECT_EQ(forwarded.to_server, kGet) << "the second is held behind the first";
}

TEST(HttpFilter, DropClosesWithoutAnAnswer) {
  Outcome out = replay_all_ways(make, Transcript().client(kGet),
                                {rule(ProtocolAction::drop, {{"path", "/users/*"}})});
  EXPECT_EQ(out.to_client + out.to_server, "");
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.reports.at(0).text(), "drop method=GET path=/users/1");
}

TEST(HttpFilter, ATunnelIsLeftAlone) {
  std::string upgrade = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
  std::string switching = "HTTP/1.1 101 Switching Protocols\r\n\r\n";
  Outcome out = replay_all_ways(make,
                                Transcript()
                                    .client(upgrade)
                                    .server(switching)
                                    .client(kGet)
                                    .server("\x81\x01x")
                                    .client("\x01"),
                                boom("/users*"));
  EXPECT_EQ(out.to_server, upgrade + std::string(kGet) + "\x01");
  EXPECT_EQ(out.to_client, switching + "\x81\x01x");
}

TEST(HttpFilter, ATunnelThatTheServerCannotOpenAnyMoreHoldsNothing) {
  std::string ask = "CONNECT h:5 HTTP/1.1\r\n\r\n";
  Outcome out = replay_all_ways(make, Transcript().server_eof().client(ask + "x").client_eof());
  EXPECT_EQ(out.to_server, ask + "x");
  EXPECT_TRUE(out.eof_to_server && out.eof_to_client);
}

TEST(HttpFilter, ARefusedUpgradeGoesOnAsHttp) {
  std::string upgrade = "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
  Outcome out =
      replay_all_ways(make, Transcript().client(upgrade).client(kGet).server(kOk), boom("/users*"));
  EXPECT_EQ(out.to_server, upgrade);
  EXPECT_EQ(out.to_client, std::string(kOk) + std::string(kBoom));
}

TEST(HttpFilter, WhatIsNotHttpPassesAtOnce) {
  std::string hello("\x16\x03\x01\x00\x05hello", 10);
  EXPECT_EQ(replay_all_ways(make, Transcript().client(hello).server("\x15"), boom("*")).to_server,
            hello);
  std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  EXPECT_EQ(replay_all_ways(make, Transcript().client(preface), boom("*")).to_server, preface);
  std::string_view unclear = "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxyz";
  EXPECT_EQ(replay_all_ways(make, Transcript().client(unclear), boom("*")).to_server, unclear);
}

TEST(HttpFilter, AResponseMayEndWithTheConnection) {
  Outcome out = replay_all_ways(
      make, Transcript().client(kGet).server("HTTP/1.0 200 OK\r\n\r\nall of it").server_eof(), {});
  EXPECT_EQ(out.to_client, "HTTP/1.0 200 OK\r\n\r\nall of it");
  EXPECT_TRUE(out.eof_to_client);
  EXPECT_FALSE(out.eof_to_server);
}

TEST(HttpFilter, RulesThatOpenLaterMeetOpenConnections) {
  Outcome out = replay_all_ways(
      make, Transcript().client(kGet).server(kOk).rules(boom("*")).client(kGet), {});
  EXPECT_EQ(out.to_client, std::string(kOk) + std::string(kBoom));
}

TEST(HttpMatching, OtherMatchersOnlyFitWhenTheyFitAnything) {
  EXPECT_TRUE(rule_matches(rule(ProtocolAction::drop, {{"key", "*"}}), "GET", "/"));
  EXPECT_FALSE(rule_matches(rule(ProtocolAction::drop, {{"key", "a"}}), "GET", "/"));
  EXPECT_TRUE(rule_matches(rule(ProtocolAction::drop, {{"method", "get"}}), "GET", "/"));
}

TEST(HttpMatching, PathsHaveNoQueryNoHostAndNoEscapes) {
  EXPECT_EQ(path_of_target("/a%2Fb%zz?q#f"), "/a/b%zz");
  EXPECT_EQ(path_of_target("http://host:1/p?x"), "/p");
  EXPECT_EQ(path_of_target("http://host"), "/");
  EXPECT_EQ(path_of_target("*"), "*");
  EXPECT_EQ(path_of_target(""), "");
}

}  // namespace
}  // namespace mishap::protocols::http
