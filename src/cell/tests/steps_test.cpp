#include "steps.h"

#include <gtest/gtest.h>

#include "mishap/protocols/registry.h"

namespace mishap::cell {
namespace {

traffic::StepCall call(std::string method, Json arguments) {
  traffic::StepCall out;
  out.method = std::move(method);
  out.arguments = std::move(arguments);
  return out;
}

TEST(Steps, SummariesShowTheMainArgumentAndTheOutcome) {
  EXPECT_EQ(send_summary("db", call("query", {{"sql", "SELECT 1"}})), "→ db.query SELECT 1");
  EXPECT_EQ(send_summary("cache", call("ping", Json::object())), "→ cache.ping");
  traffic::StepResult result;
  result.status = 503;
  EXPECT_EQ(receive_summary("api", call("get", {{"path", "/x"}}), result), "← api.get /x  [503]");
  result.status = 0;
  result.error = "connect to 127.0.0.1:8080: connection refused";
  EXPECT_EQ(receive_summary("api", call("get", {{"path", "/x"}}), result),
            "← api.get /x  ERR: connect to 127.0.0.1:8080: connection refused");
}

TEST(Steps, SecretsAreNotShown) {
  std::string shown = send_summary("db", call("query", {{"sql", "x postgres://u:hunter2@h/db y"}}));
  EXPECT_EQ(shown.find("hunter2"), std::string::npos) << shown;
}

TEST(Steps, LeavesASendAndAReceiveEvent) {
  event::Log log;
  auto refused = call("get", {{"path", "/"}});
  refused.endpoint = {"127.0.0.1", 1};
  refused.deadline = net::Clock::now() + std::chrono::seconds(5);
  auto done = run_step(*protocols::find("http"), refused, "api", "http", "test_x", log);
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->result.ok);
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log.at(0).event_type, "step_send.api");
  EXPECT_EQ(log.at(0).fields.get("spec"), "test_x");
  EXPECT_EQ(log.at(1).type, "step_recv");
  EXPECT_EQ(log.at(1).fields.get("success"), "false");
  EXPECT_EQ(log.at(1).service, "test");
}

}  // namespace
}  // namespace mishap::cell
