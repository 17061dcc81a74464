#include "filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/traffic/testing/transcript.h"

#include "wire.h"

namespace mishap::protocols::postgres {
namespace {

using namespace wire;
using namespace std::chrono_literals;
using fault::ProtocolAction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using traffic::Ending;
using traffic::testing::delay_rule;
using traffic::testing::Outcome;
using traffic::testing::replay_all_ways;
using traffic::testing::Report;
using traffic::testing::Rules;
using traffic::testing::Transcript;

const std::string kFailingQuery = query("EXECUTE \"mishap injected fault\"");
const std::string kFailingExecute = execute("mishap injected fault");
/// What the server says to the two above.
const std::string kNoSuchStatement =
    error("26000", "prepared statement \"mishap injected fault\" does not exist");
const std::string kNoSuchPortal = error("34000", "portal \"mishap injected fault\" does not exist");
const std::string kDiskFull = make_error("ERROR", "53100", "disk full");

Outcome play(const Transcript& transcript, const Rules& rules = {}) {
  return replay_all_ways([] { return std::make_unique<PostgresFilter>(); }, transcript, rules);
}
/// A conversation that has logged in, and what that let through.
Transcript session() { return Transcript().client(startup()).server(auth_ok() + ready()); }
const std::string kLoginToServer = startup();
const std::string kLoginToClient = auth_ok() + ready();

fault::ProtocolRule fails(std::string query_pattern, std::string message = "disk full") {
  return traffic::testing::rule(ProtocolAction::error, {{"query", std::move(query_pattern)}},
                                std::move(message));
}
fault::ProtocolRule drops(std::string query_pattern) {
  return traffic::testing::rule(ProtocolAction::drop, {{"query", std::move(query_pattern)}});
}

TEST(PostgresFilter, EverythingPassesWithoutRules) {
  const std::string from_client = query("SELECT 1") + parse("", "x") + bind("", "") +
                                  describe("P") + execute() + sync() + terminate();
  const std::string from_server = notice() + row_description() + data_row("1") +
                                  complete("SELECT 1") + ready() + notification();
  const Outcome out =
      play(session().client(from_client).server(from_server).client_eof().server_eof());
  EXPECT_EQ(out.to_server, kLoginToServer + from_client);
  EXPECT_EQ(out.to_client, kLoginToClient + from_server);
  EXPECT_TRUE(out.eof_to_server);
  EXPECT_TRUE(out.eof_to_client);
  EXPECT_THAT(out.reports, IsEmpty());
}

TEST(PostgresFilter, EncryptionIsRefusedSoThatStatementsCanBeRead) {
  const Outcome out =
      play(Transcript().client(gss_request()).client(ssl_request()).client(startup()));
  EXPECT_EQ(out.to_client, "NN");
  EXPECT_EQ(out.to_server, startup());
}

TEST(PostgresFilter, CancelRequestPasses) {
  const Outcome out =
      play(Transcript().client(cancel_request()).client_eof().server_eof(), {fails("*")});
  EXPECT_EQ(out.to_server, cancel_request());
  EXPECT_TRUE(out.eof_to_server);
  EXPECT_THAT(out.reports, IsEmpty());
}

TEST(PostgresFilter, ScramPassesUntouched) {
  const std::string sasl = make_message('R', u32(10) + "SCRAM-SHA-256\0\0"s);
  const std::string first = make_message('p', "SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=abc"s);
  const std::string next = make_message('R', u32(11) + "r=abcd,s=c2FsdA==,i=4096");
  const std::string last = make_message('p', "c=biws,r=abcd,p=proof");
  const std::string final = make_message('R', u32(12) + "v=sig") + auth_ok() +
                            make_message('S', "TimeZone\0UTC\0"s) +
                            make_message('K', u32(1) + u32(2)) + ready();
  const Outcome out = play(
      Transcript().client(startup()).server(sasl).client(first).server(next).client(last).server(
          final),
      {fails("*")});
  EXPECT_EQ(out.to_server, startup() + first + last);
  EXPECT_EQ(out.to_client, sasl + next + final);
}

TEST(PostgresFilter, SimpleQueryFailsAndTheRestGoesOn) {
  const Outcome out =
      play(session()
               .client(query("INSERT INTO users(name) VALUES ('a')"))
               .server(kNoSuchStatement + ready())
               .client(query("SELECT 1"))
               .server(row_description() + data_row("1") + complete("SELECT 1") + ready()),
           {fails("INSERT INTO users*")});
  EXPECT_EQ(out.to_server, kLoginToServer + kFailingQuery + query("SELECT 1"));
  EXPECT_EQ(out.to_client, kLoginToClient + kDiskFull + ready() + row_description() +
                               data_row("1") + complete("SELECT 1") + ready());
  EXPECT_THAT(
      out.reports,
      ElementsAre(Report{
          "error", {{"query", "INSERT INTO users(name) VALUES ('a')"}, {"error", "disk full"}}}));
}

TEST(PostgresFilter, PipelinedQueriesFailInTheirPlace) {
  const std::string rows = row_description() + data_row("1") + complete("SELECT 1") + ready();
  const Outcome out = play(session()
                               .client(query("SELECT 1") + query("INSERT x") + query("SELECT 1"))
                               .server(rows + kNoSuchStatement + ready() + rows),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("SELECT 1") + kFailingQuery + query("SELECT 1"));
  EXPECT_EQ(out.to_client, kLoginToClient + rows + kDiskFull + ready() + rows);
}

TEST(PostgresFilter, NoticesBeforeTheErrorPass) {
  const Outcome out =
      play(session().client(query("INSERT x")).server(notice() + kNoSuchStatement + ready()),
           {fails("*")});
  EXPECT_EQ(out.to_client, kLoginToClient + notice() + kDiskFull + ready());
}

TEST(PostgresFilter, SeveralStatementsFailAtTheFirstThatMatches) {
  const Outcome out = play(session()
                               .client(query("BEGIN; INSERT INTO t VALUES (';'); COMMIT"))
                               .server(complete("BEGIN") + kNoSuchStatement + ready('E')),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("BEGIN; EXECUTE \"mishap injected fault\""));
  EXPECT_EQ(out.to_client, kLoginToClient + complete("BEGIN") + kDiskFull + ready('E'));
}

TEST(PostgresFilter, PatternMaySpanSeveralStatements) {
  const Outcome out =
      play(session().client(query("BEGIN; INSERT x")).server(kNoSuchStatement + ready()),
           {fails("BEGIN; INSERT*")});
  EXPECT_EQ(out.to_client, kLoginToClient + kDiskFull + ready());
}

TEST(PostgresFilter, AfterAnErrorInATransactionTheServerRefusesUntilRollback) {
  const std::string aborted = error("25P02", "current transaction is aborted");
  const Outcome out = play(session()
                               .client(query("BEGIN"))
                               .server(complete("BEGIN") + ready('T'))
                               .client(query("INSERT x"))
                               .server(kNoSuchStatement + ready('E'))
                               .client(query("INSERT y"))
                               .server(aborted + ready('E'))
                               .client(query("ROLLBACK"))
                               .server(complete("ROLLBACK") + ready('I'))
                               .client(query("INSERT z"))
                               .server(kNoSuchStatement + ready('I')),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("BEGIN") + kFailingQuery + query("INSERT y") +
                               query("ROLLBACK") + kFailingQuery);
  EXPECT_EQ(out.to_client, kLoginToClient + complete("BEGIN") + ready('T') + kDiskFull +
                               ready('E') + aborted + ready('E') + complete("ROLLBACK") +
                               ready('I') + kDiskFull + ready('I'));
  EXPECT_EQ(out.reports.size(), 2u);
}

TEST(PostgresFilter, FailedCommitLeavesNoTransaction) {
  const Outcome out =
      play(session().client(query("COMMIT;")).server(complete("ROLLBACK") + ready('I')),
           {fails("COMMIT", "could not serialize access")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("ROLLBACK"));
  EXPECT_EQ(
      out.to_client,
      kLoginToClient + make_error("ERROR", "40001", "could not serialize access") + ready('I'));
}

TEST(PostgresFilter, ExtendedQueryFailsAtExecute) {
  const std::string batch =
      parse("", "INSERT INTO users VALUES ($1)") + bind("", "") + describe("P");
  const Outcome out =
      play(session()
               .client(batch + execute() + sync())
               .server(parse_complete() + bind_complete() + no_data() + kNoSuchPortal + ready()),
           {fails("INSERT INTO users VALUES (?)")});
  EXPECT_EQ(out.to_server, kLoginToServer + batch + kFailingExecute + sync());
  EXPECT_EQ(out.to_client,
            kLoginToClient + parse_complete() + bind_complete() + no_data() + kDiskFull + ready());
  EXPECT_THAT(out.reports,
              ElementsAre(Report{
                  "error", {{"query", "INSERT INTO users VALUES ($1)"}, {"error", "disk full"}}}));
}

TEST(PostgresFilter, PreparedStatementIsAskedForAtEachExecute) {
  const std::string run = bind("", "s1") + execute() + sync();
  const std::string ran = bind_complete() + complete("INSERT 0 1") + ready();
  const Outcome out = play(session()
                               .client(parse("s1", "INSERT x") + sync())
                               .server(parse_complete() + ready())
                               .client(run)
                               .server(ran)
                               .rules({fails("INSERT*")})
                               .client(run)
                               .server(bind_complete() + kNoSuchPortal + ready())
                               .rules({})
                               .client(run)
                               .server(ran));
  EXPECT_EQ(out.to_client, kLoginToClient + parse_complete() + ready() + ran + bind_complete() +
                               kDiskFull + ready() + ran);
}

TEST(PostgresFilter, ClosedStatementIsForgotten) {
  const Outcome out =
      play(session()
               .client(parse("s1", "INSERT x") + close("Ss1") + bind("", "s1") + execute() + sync())
               .server(parse_complete() + close_complete() +
                       error("26000", "prepared statement \"s1\" does not exist") + ready()),
           {fails("*")});
  EXPECT_THAT(out.reports, IsEmpty());
}

TEST(PostgresFilter, FetchingOnIsTheSameExecution) {
  const Outcome out =
      play(session()
               .client(parse("", "SELECT 1") + bind("p", "") + execute("p"))
               .server(parse_complete() + bind_complete() + data_row("1") + suspended())
               .rules({fails("*")})
               .client(execute("p") + sync())
               .server(data_row("1") + complete("SELECT 1") + ready()));
  EXPECT_THAT(out.reports, IsEmpty());
}

TEST(PostgresFilter, PipelinedBatchesFailInTheirPlace) {
  auto batch = [](std::string_view sql) {
    return parse("", sql) + bind("", "") + execute() + sync();
  };
  const std::string done = parse_complete() + bind_complete() + complete("SELECT 0") + ready();
  const Outcome out =
      play(session()
               .client(batch("SELECT 1") + batch("INSERT 2") + batch("SELECT 3"))
               .server(done + parse_complete() + bind_complete() + kNoSuchPortal + ready() + done),
           {fails("INSERT*")});
  EXPECT_EQ(out.to_client, kLoginToClient + done + parse_complete() + bind_complete() + kDiskFull +
                               ready() + done);
}

TEST(PostgresFilter, OneBatchOfSeveralExecutesFailsInTheMiddle) {
  const std::string first = parse("", "INSERT 1") + bind("", "") + execute();
  const std::string second = parse("", "DELETE 2") + bind("", "");
  const std::string third = parse("", "INSERT 3") + bind("", "") + execute() + sync();
  const std::string one = parse_complete() + bind_complete() + complete("INSERT 0 1");
  const Outcome out =
      play(session()
               .client(first + second + execute() + third)
               .server(one + parse_complete() + bind_complete() + kNoSuchPortal + ready())
               .client(query("SELECT 1"))
               .server(complete("SELECT 1") + ready()),
           {fails("DELETE*")});
  EXPECT_EQ(out.to_server,
            kLoginToServer + first + second + kFailingExecute + third + query("SELECT 1"));
  EXPECT_EQ(out.to_client, kLoginToClient + one + parse_complete() + bind_complete() + kDiskFull +
                               ready() + complete("SELECT 1") + ready());
}

TEST(PostgresFilter, ServersOwnErrorSkipsToSync) {
  const std::string own = error("42601", "syntax error");
  const Outcome out = play(session()
                               .client(parse("", "SELEC"))
                               .server(own)
                               .client(bind("", "") + execute() + query("INSERT ignored") + sync())
                               .server(ready())
                               .client(query("INSERT x"))
                               .server(kNoSuchStatement + ready()),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_client, kLoginToClient + own + ready() + kDiskFull + ready());
  EXPECT_EQ(out.reports.size(), 1u);
}

TEST(PostgresFilter, CopyIn) {
  const std::string rows = copy_data("1\n") + copy_data("2\n") + copy_done();
  const Outcome out = play(session()
                               .client(query("COPY t FROM STDIN"))
                               .server(copy_in())
                               .client(rows)
                               .server(complete("COPY 2") + ready())
                               .client(query("INSERT x"))
                               .server(kNoSuchStatement + ready()),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("COPY t FROM STDIN") + rows + kFailingQuery);
  EXPECT_EQ(out.to_client,
            kLoginToClient + copy_in() + complete("COPY 2") + ready() + kDiskFull + ready());
}

TEST(PostgresFilter, SyncBeforeCopyDataIsNoReply) {
  const std::string start = parse("", "COPY t FROM STDIN") + bind("", "") + execute() + sync();
  const Outcome out = play(session()
                               .client(start)
                               .server(parse_complete() + bind_complete() + copy_in())
                               .client(copy_data("1\n") + sync() + copy_done() + sync())
                               .server(complete("COPY 1") + ready())
                               .client(query("SELECT 1") + query("INSERT x"))
                               .server(complete("SELECT 1") + ready() + kNoSuchStatement + ready()),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_client, kLoginToClient + parse_complete() + bind_complete() + copy_in() +
                               complete("COPY 1") + ready() + complete("SELECT 1") + ready() +
                               kDiskFull + ready());
}

TEST(PostgresFilter, CopyInThatFails) {
  const std::string own = error("57014", "COPY from stdin failed: no");
  const Outcome out = play(session()
                               .client(query("COPY t FROM STDIN"))
                               .server(copy_in())
                               .client(copy_data("1\n") + copy_fail())
                               .server(own + ready())
                               .client(query("INSERT x"))
                               .server(kNoSuchStatement + ready()),
                           {fails("INSERT*")});
  EXPECT_EQ(out.to_client, kLoginToClient + copy_in() + own + ready() + kDiskFull + ready());
}

TEST(PostgresFilter, CopyOutAndCopyRefused) {
  const std::string rows =
      copy_out() + copy_data("1\n") + copy_done() + complete("COPY 1") + ready();
  const Outcome out = play(session()
                               .client(query("COPY t TO STDOUT"))
                               .server(rows)
                               .client(query("COPY t FROM STDIN"))
                               .server(kNoSuchStatement + ready()),
                           {fails("COPY t FROM*")});
  EXPECT_EQ(out.to_client, kLoginToClient + rows + kDiskFull + ready());
}

TEST(PostgresFilter, FatalErrorClosesTheConnection) {
  const std::string message =
      "FATAL: terminating connection due to administrator command (SQLSTATE 57P01)";
  const Outcome out =
      play(session().client(query("SELECT 1") + query("SELECT 2")), {fails("*", message)});
  EXPECT_EQ(out.to_server, kLoginToServer);
  EXPECT_EQ(out.to_client, kLoginToClient + make_error("FATAL", "57P01", message));
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(PostgresFilter, FatalErrorWaitsForEarlierReplies) {
  const std::string before = parse("", "SELECT 1") + bind("", "") + execute();
  const std::string reply = parse_complete() + bind_complete() + complete("SELECT 1");
  const Outcome out =
      play(session()
               .client(before + parse("", "INSERT x") + bind("", "") + execute() + sync())
               .server(reply + parse_complete() + bind_complete()),
           {fails("INSERT*", "FATAL: gone")});
  EXPECT_EQ(out.to_server,
            kLoginToServer + before + parse("", "INSERT x") + bind("", "") + make_flush());
  EXPECT_EQ(out.to_client, kLoginToClient + reply + parse_complete() + bind_complete() +
                               make_error("FATAL", "XX000", "FATAL: gone"));
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(PostgresFilter, NothingIsSaidToAClientThatTheServerHasLeft) {
  const Outcome refused = play(Transcript().server_eof().client(ssl_request()));
  EXPECT_EQ(refused.to_client, "");
  EXPECT_TRUE(refused.eof_to_client);
  const Outcome fatal =
      play(session().server_eof().client(query("SELECT 1")), {fails("*", "FATAL: gone")});
  EXPECT_EQ(fatal.to_client, kLoginToClient);
  EXPECT_EQ(fatal.ended, Ending::finish);
}

TEST(PostgresFilter, TooManyConnectionsRefusesTheLogin) {
  const std::string message = "FATAL: sorry, too many clients already (SQLSTATE 53300)";
  const Outcome out =
      play(Transcript().client(ssl_request()).client(startup()), {fails("*", message)});
  EXPECT_EQ(out.to_server, "");
  EXPECT_EQ(out.to_client, "N" + make_error("FATAL", "53300", message));
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_THAT(out.reports, ElementsAre(Report{"error", {{"query", ""}, {"error", message}}}));
}

TEST(PostgresFilter, DropEndsTheConnection) {
  const Outcome out =
      play(session().client(query("SELECT 1") + query("INSERT x")), {drops("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("SELECT 1"));
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_THAT(out.reports, ElementsAre(Report{"drop", {{"query", "INSERT x"}}}));
}

TEST(PostgresFilter, DelayHoldsTheStatementAndWhatFollows) {
  const Transcript before =
      session().client(query("SELECT 1") + query("INSERT x") + query("SELECT 2"));
  const Rules rules = {delay_rule(2s, {{"query", "INSERT*"}})};
  EXPECT_EQ(play(before, rules).to_server, kLoginToServer + query("SELECT 1"));
  Transcript after = before;
  const Outcome out =
      play(after.advance(1999ms).server(complete("SELECT 1") + ready()).advance(1ms), rules);
  EXPECT_EQ(out.to_server,
            kLoginToServer + query("SELECT 1") + query("INSERT x") + query("SELECT 2"));
  EXPECT_EQ(out.to_client, kLoginToClient + complete("SELECT 1") + ready());
  EXPECT_THAT(out.reports,
              ElementsAre(Report{"delay", {{"query", "INSERT x"}, {"delay_ms", "2000"}}}));
}

TEST(PostgresFilter, DelayThenError) {
  const Outcome out =
      play(session()
               .client(parse("", "INSERT x") + bind("", "") + execute() + sync())
               .advance(1s)
               .server(parse_complete() + bind_complete() + kNoSuchPortal + ready()),
           {delay_rule(1s), fails("INSERT*")});
  EXPECT_EQ(out.to_client,
            kLoginToClient + parse_complete() + bind_complete() + kDiskFull + ready());
  EXPECT_EQ(out.reports.size(), 2u);
}

TEST(PostgresFilter, DelayThenErrorOfOneAmongSeveralStatements) {
  const Outcome out = play(session()
                               .client(query("SELECT 1; INSERT x"))
                               .advance(1s)
                               .server(complete("SELECT 1") + kNoSuchStatement + ready()),
                           {delay_rule(1s, {{"query", "INSERT*"}}), fails("INSERT*")});
  EXPECT_EQ(out.to_server, kLoginToServer + query("SELECT 1; EXECUTE \"mishap injected fault\""));
}

TEST(PostgresFilter, EndOfStreamWaitsForADelay) {
  const Transcript held = session().client(query("INSERT x") + terminate()).client_eof();
  const Rules rules = {delay_rule(1s)};
  EXPECT_FALSE(play(held, rules).eof_to_server);
  Transcript after = held;
  const Outcome out = play(after.advance(1s), rules);
  EXPECT_EQ(out.to_server, kLoginToServer + query("INSERT x") + terminate());
  EXPECT_TRUE(out.eof_to_server);
}

TEST(PostgresFilter, HeldClientIsMadeToWait) {
  PostgresFilter filter;
  traffic::testing::FakeSink sink;
  sink.rules = {delay_rule(1s, {{"query", "INSERT*"}})};
  session().client(query("INSERT x")).play(filter, sink, [](size_t left) { return left; });
  filter.on_bytes(traffic::Direction::to_server, query(std::string(300 * 1024, 'x')), sink);
  EXPECT_TRUE(sink.paused_to_server);
  sink.advance(1s, filter);
  EXPECT_FALSE(sink.paused_to_server);
}

TEST(PostgresFilter, StrangeBytesPassUnread) {
  const std::string hello = "\x16\x03\x01\x02\x00\x01\x00"s;
  const Outcome out =
      play(Transcript().client(hello).server("anything").client("more"), {fails("*")});
  EXPECT_EQ(out.to_server, hello + "more");
  EXPECT_EQ(out.to_client, "anything");
  EXPECT_THAT(out.reports, ElementsAre(Report{"unparsed", {{"reason", "not a startup packet"}}}));
}

TEST(PostgresFilter, ImpossibleLengthsPassUnread) {
  const std::string broken = "Q\xff\xff\xff\xffxx"s;
  const Outcome client = play(session().client(broken).client("more"), {fails("*")});
  EXPECT_EQ(client.to_server, kLoginToServer + broken + "more");
  EXPECT_THAT(
      client.reports,
      ElementsAre(Report{"unparsed", {{"reason", "a client message has an impossible length"}}}));
  const Outcome server = play(session().server(broken).client(query("INSERT x")), {fails("*")});
  EXPECT_EQ(server.to_client, kLoginToClient + broken);
  EXPECT_EQ(server.to_server, kLoginToServer + query("INSERT x"));
  EXPECT_THAT(
      server.reports,
      ElementsAre(Report{"unparsed", {{"reason", "a server message has an impossible length"}}}));
  const Outcome old = play(Transcript().client(packet(131072, "old")), {fails("*")});
  EXPECT_EQ(old.to_server, packet(131072, "old"));
  EXPECT_THAT(old.reports,
              ElementsAre(Report{"unparsed", {{"reason", "unknown protocol version"}}}));
}

TEST(PostgresFilter, UnfinishedMessagesPassAtTheEnd) {
  const Outcome out = play(session().client("Q\0\0"s).client_eof().server("Z\0"s).server_eof());
  EXPECT_EQ(out.to_server, kLoginToServer + "Q\0\0"s);
  EXPECT_EQ(out.to_client, kLoginToClient + "Z\0"s);
  EXPECT_TRUE(out.eof_to_server);
  EXPECT_TRUE(out.eof_to_client);
}

// --- leave to use the database ---

struct Gated {
  traffic::testing::FakeSink sink;
  PostgresFilter filter;
  Gated() { sink.gated = true; }
  void client(const std::string& bytes) {
    filter.on_bytes(traffic::Direction::to_server, bytes, sink);
  }
  void server(const std::string& bytes) {
    filter.on_bytes(traffic::Direction::to_client, bytes, sink);
  }
  void give_leave() { filter.on_timer(sink.asked.back().second, sink); }
};

TEST(PostgresFilterLeave, TheFirstConversationWaitsUntilItsDatabaseIsFollowed) {
  Gated gated;
  gated.client(packet(196608, "user\0app\0database\0orders\0\0"s));
  EXPECT_THAT(gated.sink.asked, IsEmpty());  // it need not exist yet
  gated.server(auth_ok() + ready().substr(0, 3));
  gated.server(ready().substr(3));
  ASSERT_EQ(gated.sink.asked.size(), 1u);
  EXPECT_EQ(gated.sink.asked[0].first, "orders");
  EXPECT_EQ(gated.sink.outcome.to_client, auth_ok());
  gated.client(query("SELECT 1"));
  gated.server(notice());
  EXPECT_THAT(gated.sink.outcome.to_server, ::testing::Not(::testing::HasSubstr("SELECT")));
  gated.give_leave();
  EXPECT_EQ(gated.sink.outcome.to_client, auth_ok() + ready() + notice());
  EXPECT_THAT(gated.sink.outcome.to_server, ::testing::EndsWith(query("SELECT 1")));
  gated.server(row_description() + ready());
  EXPECT_EQ(gated.sink.asked.size(), 1u);
}

TEST(PostgresFilterLeave, ARequestThatDoesNotWaitForTheServerWaitsForLeave) {
  Gated gated;
  gated.client(startup() + make_message('p', "secret\0"s) + query("INSERT INTO t VALUES (1)"));
  ASSERT_EQ(gated.sink.asked.size(), 1u);
  EXPECT_EQ(gated.sink.asked[0].first, "test");  // called like the user
  EXPECT_EQ(gated.sink.outcome.to_server, startup() + make_message('p', "secret\0"s));
  gated.filter.on_eof(traffic::Direction::to_server, gated.sink);
  EXPECT_FALSE(gated.sink.outcome.eof_to_server);
  gated.give_leave();
  EXPECT_THAT(gated.sink.outcome.to_server, ::testing::EndsWith(query("INSERT INTO t VALUES (1)")));
  EXPECT_TRUE(gated.sink.outcome.eof_to_server);
}

TEST(PostgresFilterLeave, AServerThatRefusesTheLoginIsHeard) {
  Gated gated;
  gated.client(startup());
  gated.server(make_error("FATAL", "3D000", "database \"test\" does not exist"));
  gated.filter.on_eof(traffic::Direction::to_client, gated.sink);
  EXPECT_THAT(gated.sink.asked, IsEmpty());
  EXPECT_THAT(gated.sink.outcome.to_client, ::testing::HasSubstr("does not exist"));
  EXPECT_TRUE(gated.sink.outcome.eof_to_client);
}

}  // namespace
}  // namespace mishap::protocols::postgres
