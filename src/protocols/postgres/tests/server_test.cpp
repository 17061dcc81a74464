// Steps, readiness and the drivers people use, against a real server.
#include "server.h"

#include <array>
#include <cstdio>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/event/log.h"
#include "mishap/net/loop.h"
#include "mishap/traffic/router.h"

#include "steps.h"

namespace mishap::protocols::postgres {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using traffic::StepCall;
using traffic::StepResult;

class Server : public ::testing::Test {
 protected:
  void SetUp() override {
    TestServer& server = TestServer::instance();
    if (!server.running()) {
      ASSERT_THAT(server.problem(), StartsWith("no PostgreSQL server"));
      GTEST_SKIP() << server.problem();
    }
    endpoint_ = {"127.0.0.1", server.port()};
  }
  StepCall call(std::string method, Json arguments) {
    StepCall step;
    step.method = std::move(method);
    step.arguments = std::move(arguments);
    step.endpoint = endpoint_;
    step.service_env = TestServer::env();
    step.deadline = net::Clock::now() + 20s;
    return step;
  }
  StepResult run(const StepCall& step) {
    auto result = postgres_protocol().step(step);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result ? *result : StepResult{};
  }
  StepResult query(std::string sql) { return run(call("query", {{"sql", std::move(sql)}})); }
  StepResult exec(std::string sql) { return run(call("exec", {{"sql", std::move(sql)}})); }

  net::Endpoint endpoint_;
};

TEST_F(Server, AServerWithoutALogicalLogCannotBeFollowed) {
  traffic::FollowRequest request;
  request.kind = "wal_stream";
  request.endpoint = endpoint_;
  request.service_env = TestServer::env();
  request.alive = [] { return true; };
  auto followed = postgres_protocol().follow(request, net::Clock::now() + 20s);
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().message,
            "pq: logical decoding requires wal_level >= logical; start the server with -c "
            "wal_level=logical");
}

TEST_F(Server, AUserWhoMayNotReplicateCannotFollow) {
  ASSERT_TRUE(exec("CREATE ROLE plain LOGIN PASSWORD 'p'").ok);
  traffic::FollowRequest request;
  request.endpoint = {"127.0.0.1", TestServer::instance().port()};
  request.service_env = TestServer::env();
  request.service_env["POSTGRES_USER"] = "plain";
  request.service_env["POSTGRES_PASSWORD"] = "p";
  request.kind = "wal_stream";
  auto followed = postgres_protocol().follow(request, net::Clock::now() + 20s);
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().message,
            "pq: must be superuser or replication role to start walsender; give the user "
            "REPLICATION");
}

TEST_F(Server, QueryMapsTypes) {
  const StepResult result = query(
      "SELECT 1::int2 AS a, 9007199254740993::int8 AS b, 1.5::float8 AS c, true AS d, NULL AS e, "
      "'x' AS f, "
      "1.50::numeric AS g, '2024-01-02 03:04:05+00'::timestamptz AT TIME ZONE 'UTC' AS h, '{\"k\": "
      "1}'::jsonb AS i");
  ASSERT_TRUE(result.ok) << result.error;
  EXPECT_EQ(
      result.body,
      "[{\"a\":1,\"b\":9007199254740993,\"c\":1.5,\"d\":true,\"e\":null,\"f\":\"x\",\"g\":\"1.50\","
      "\"h\":\"2024-01-02T03:04:05Z\",\"i\":\"{\\\"k\\\": 1}\"}]");
  EXPECT_EQ(result.fields.get("rows"), "1");
  EXPECT_EQ(result.status, 0);
}

TEST_F(Server, NoRowsAreAnEmptyList) {
  const StepResult result = query("SELECT 1 WHERE false");
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.body, "[]");
}

TEST_F(Server, ExecTakesSeveralStatements) {
  const StepResult result = exec(
      "CREATE TABLE many (n int); INSERT INTO many SELECT generate_series(1, 7); DELETE FROM many "
      "WHERE n > 4");
  ASSERT_TRUE(result.ok) << result.error;
  EXPECT_EQ(result.body, "{\"rows_affected\":3}");
  EXPECT_EQ(result.fields.get("rows_affected"), "3");
  EXPECT_EQ(
      query("SELECT application_name AS n FROM pg_stat_activity WHERE pid = pg_backend_pid()").body,
      "[{\"n\":\"mishap\"}]");
}

TEST_F(Server, ServerErrorsAreResults) {
  const StepResult result = query("SELECT * FROM nowhere");
  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.error, "pq: relation \"nowhere\" does not exist");
  EXPECT_EQ(result.fields.get("sqlstate"), "42P01");
  EXPECT_EQ(exec("COPY pg_class TO STDOUT").error,
            "COPY from or to the client cannot be run in a step; use INSERT or SELECT");
}

TEST_F(Server, LoginErrorsAreResults) {
  const StepResult wrong = run(call("query", {{"sql", "SELECT 1"}, {"password", "wrong"}}));
  EXPECT_EQ(wrong.error, "pq: password authentication failed for user \"postgres\"");
  EXPECT_EQ(wrong.fields.get("sqlstate"), "28P01");
  const StepResult nowhere =
      run(call("query", {{"sql", "SELECT 1"}, {"database", "no=such 'db'"}}));
  EXPECT_EQ(nowhere.error, "pq: database \"no=such 'db'\" does not exist");
  StepCall closed = call("query", {{"sql", "SELECT 1"}});
  closed.endpoint = {"127.0.0.1", 1};
  EXPECT_THAT(run(closed).error, HasSubstr("Connection refused"));
}

TEST_F(Server, ConnectionStringReplacesEverything) {
  StepCall step = call(
      "query", {{"sql", "SELECT current_database() AS d"},
                {"connstr", "postgres://postgres:it%27s%20secret@127.0.0.1:" +
                                std::to_string(endpoint_.port) + "/template1?sslmode=disable"}});
  step.endpoint = {"127.0.0.1", 1};
  EXPECT_EQ(run(step).body, "[{\"d\":\"template1\"}]");
}

TEST_F(Server, DeadlineAndCancel) {
  StepCall late = call("query", {{"sql", "SELECT pg_sleep(60)"}});
  late.deadline = net::Clock::now() + 50ms;
  EXPECT_EQ(run(late).error, "timed out waiting for the server");
  net::Cancel cancel;
  cancel.set();
  StepCall cancelled = call("query", {{"sql", "SELECT 1"}});
  cancelled.cancel = &cancel;
  EXPECT_EQ(run(cancelled).error, "cancelled");
}

TEST_F(Server, Readiness) {
  const auto deadline = net::Clock::now() + 20s;
  EXPECT_TRUE(postgres_protocol().ready(endpoint_, TestServer::env(), deadline));
  EXPECT_TRUE(postgres_protocol().ready(endpoint_, {}, deadline))
      << "asking for a password is an answer";
  const auto wrong =
      postgres_protocol().ready(endpoint_, {{"POSTGRES_PASSWORD", "wrong"}}, deadline);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "pq: password authentication failed for user \"postgres\"");
  EXPECT_FALSE(postgres_protocol().ready({"127.0.0.1", 1}, {}, deadline));
}

TEST(Steps, MistakesOfTheSpecAreErrors) {
  StepCall step;
  step.method = "get";
  EXPECT_EQ(run_step(step).error().message,
            "postgres has no method \"get\"; it has query and exec");
  step.method = "exec";
  step.arguments = Json::object();
  EXPECT_EQ(run_step(step).error().message, "exec: missing argument \"sql\"");
  step.arguments = {{"sql", Json::array()}};
  EXPECT_EQ(run_step(step).error().message, "exec: \"sql\" must be text, not a list");
  step.arguments = {{"sql", std::string("a\0b", 3)}};
  EXPECT_EQ(run_step(step).error().message, "exec: \"sql\" contains a NUL");
}

/// A relay with rules in front of the server.
class Relayed : public Server {
 protected:
  void SetUp() override {
    Server::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    loop_ = *net::Loop::create();
    router_ = *traffic::Router::create(*loop_, log_, decider_);
    ASSERT_TRUE(router_->relay("db", "pg", endpoint_, &postgres_protocol()));
    open_rules();
    thread_ = std::thread([this] { loop_->run(); });
    endpoint_ = *router_->dial_address("db", "pg");
  }
  void TearDown() override {
    if (loop_) loop_->stop();
    if (thread_.joinable()) thread_.join();
    router_.reset();
  }
  void open_rules() {
    auto rule = [](fault::ProtocolAction action, std::string pattern, std::string message = {}) {
      fault::ProtocolRule out;
      out.service = "db";
      out.interface = "pg";
      out.action = action;
      out.matchers = {{"query", std::move(pattern)}};
      out.message = std::move(message);
      return out;
    };
    fault::ProtocolRule slow = rule(fault::ProtocolAction::delay, "SELECT 'slow'*");
    slow.delay = 100ms;
    decider_.open(
        {rule(fault::ProtocolAction::error, "INSERT INTO faulty*", "disk full"),
         rule(fault::ProtocolAction::error, "COPY faulty*", "disk full"),
         rule(fault::ProtocolAction::error, "SELECT 'fatal'*",
              "FATAL: terminating connection due to administrator command (SQLSTATE 57P01)"),
         rule(fault::ProtocolAction::drop, "SELECT 'dropped'*"), slow});
  }

  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<traffic::Router> router_;
  std::thread thread_;
};

TEST_F(Relayed, StepsMeetTheRules) {
  ASSERT_TRUE(exec("CREATE TABLE IF NOT EXISTS faulty (n int)").ok);
  const StepResult result = exec("INSERT INTO faulty VALUES (1)");
  EXPECT_EQ(result.error, "pq: disk full");
  EXPECT_EQ(result.fields.get("sqlstate"), "53100");
  EXPECT_THAT(
      query("SELECT 'fatal'").error,
      HasSubstr("FATAL: terminating connection due to administrator command (SQLSTATE 57P01)"));
  EXPECT_FALSE(query("SELECT 'dropped'").ok);
  EXPECT_TRUE(query("SELECT 'slow'").ok);
  EXPECT_EQ(query("SELECT count(*) AS n FROM faulty").body, "[{\"n\":0}]");
}

/// tests/drivers.py prints "ok" when the driver saw what it should.
std::string run_driver(const std::string& driver, uint16_t port) {
  const std::string command = "/usr/bin/python3 " MISHAP_TEST_DATA "/drivers.py " + driver + " " +
                              std::to_string(port) + " 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  while (pipe && fgets(buffer.data(), buffer.size(), pipe)) output += buffer.data();
  if (pipe) pclose(pipe);
  return output;
}

class Drivers : public Relayed, public ::testing::WithParamInterface<const char*> {};

TEST_P(Drivers, SeeRealErrorsAndGoOn) {
  const std::string output = run_driver(GetParam(), endpoint_.port);
  if (output.starts_with("missing")) GTEST_SKIP() << output;
  EXPECT_EQ(output, "ok\n");
}

INSTANTIATE_TEST_SUITE_P(Python, Drivers, ::testing::Values("psycopg2", "psycopg", "asyncpg"),
                         [](const auto& driver) { return std::string(driver.param); });

}  // namespace
}  // namespace mishap::protocols::postgres
