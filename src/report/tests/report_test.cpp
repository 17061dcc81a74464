#include <gtest/gtest.h>

#include "mishap/report/console.h"
#include "mishap/report/junit.h"
#include "mishap/report/trace_json.h"

#include "lines.h"

namespace mishap::report {
namespace {

using event::TestResult;
using event::Verdict;

event::Timestamp at(int milliseconds) {
  return event::Timestamp(std::chrono::milliseconds(1'700'000'000'000 + milliseconds));
}

event::Event make_event(uint64_t seq, int ms, std::string type, std::string service,
                        event::Fields fields) {
  event::Event e;
  e.seq = seq;
  e.timestamp = at(ms);
  e.type = std::move(type);
  e.event_type = event::dotted_type(e.type, fields);
  e.service = std::move(service);
  e.fields = std::move(fields);
  return e;
}

TestResult passing() {
  TestResult r;
  r.name = "test_matrix_buy_slow";
  r.kind = "matrix";
  r.scenario = "buy";
  r.fault = "slow";
  r.duration = std::chrono::milliseconds(412);
  r.seed = 7;
  return r;
}

TestResult failing() {
  TestResult r;
  r.name = "test_matrix_buy_db_down";
  r.kind = "matrix";
  r.scenario = "buy";
  r.fault = "db_down";
  r.verdict = Verdict::expectation_violated;
  r.failure_type = "assertion";
  r.reason = "assert_eq failed: 201 != 503";
  r.pos = {"shop.star", 12, 9};
  r.source_line = "        assert_eq(r.status, 503)";
  r.duration = std::chrono::milliseconds(1500);
  r.seed = 7;
  r.expectation = "lambda";
  r.assertion = event::AssertionFailure{"assert_eq", "503", "201", "", {"shop.star", 12, 9}};
  r.replay_command = "mishap test shop.star --test test_matrix_buy_db_down --seed 7";
  event::FaultCount fault;
  fault.service = "api";
  fault.text = "connect=deny(ECONNREFUSED)";
  fault.action = "deny";
  fault.detail = "ECONNREFUSED";
  fault.matched = fault.applied = 2;
  r.faults = {fault};
  r.events = {
      make_event(1, 0, "service_started", "api", {{"kind", "binary"}}),
      make_event(2, 5, "syscall", "api", {{"syscall", "connect"}, {"decision", "allow"}}),
      make_event(3, 12, "syscall", "api",
                 {{"syscall", "connect"}, {"decision", "deny(connection refused)"}}),
      make_event(4, 15, "step_recv", "test",
                 {{"target", "api"}, {"summary", "← api.post /users  [201]"}}),
  };
  r.outputs = {{"api", "{\"action\":\"made\"}\n", ""}};
  return r;
}

TestResult vacuous() {
  TestResult r = passing();
  r.name = "test_matrix_sell_slow";
  r.scenario = "sell";
  r.verdict = Verdict::vacuous;
  r.reason = "write=delay(3s) on db never took effect: db made no write() call while it was on";
  event::FaultCount fault;
  fault.service = "db";
  fault.text = "write=delay(3s)";
  fault.action = "delay";
  fault.instead = "db made no write() call while it was on";
  r.faults = {fault};
  return r;
}

event::RunPlan plan() {
  event::RunPlan p;
  p.spec = "shop.star";
  p.tool_version = "0.1.0";
  p.seed = 7;
  p.seed_origin = "cli";
  p.jobs = 2;
  for (const TestResult& r : {failing(), passing(), vacuous()})
    p.tests.push_back({r.name, r.kind, r.scenario, r.fault});
  p.matrices = {{{"buy", "sell"}, {"db_down", "slow"}, {{"sell", "db_down"}}}};
  p.services = {{"api", "./api"}};
  return p;
}

template <class Observer>
void feed(Observer& observer) {
  observer.on_plan(plan());
  for (const TestResult& r : {failing(), passing(), vacuous()}) observer.on_finished(r);
  event::RunSummary summary;
  summary.duration = std::chrono::milliseconds(2000);
  observer.on_summary(summary);
}

TEST(Console, ShowsTheRunTheGridAndEveryFailure) {
  std::string text;
  Console console([&](std::string_view more) { text += more; }, {});
  feed(console);
  EXPECT_EQ(text, R"(mishap 0.1.0 · shop.star · 3 tests · seed 7 (cli) · 2 jobs
  api  ./api

FAIL         buy × db_down                                   1.5s  assert_eq failed: 201 != 503
PASS         buy × slow                                     412ms
VACUOUS      sell × slow                                    412ms  write=delay(3s) on db never took effect: db made no write() call while it was on

     │ db_down   │ slow
─────┼───────────┼──────────────
buy  │ FAIL 1.5s │ PASS 412ms
sell │ —         │ VACUOUS 412ms

--- FAIL: buy × db_down ---
  assert_eq failed: 201 != 503
  at shop.star:12:9
       12 |         assert_eq(r.status, 503)
          |         ^
  fault: connect=deny(ECONNREFUSED) on api: applied 2×
  last 3 of 4 events:
    #1    +0.000s  api      service_started kind=binary
    #3    +0.012s  api      connect deny(connection refused)
    #4    +0.015s  test     ← api.post /users  [201]
  output of api:
    {"action":"made"}
  repeat: mishap test shop.star --test test_matrix_buy_db_down --seed 7

vacuous: what was expected held, but a declared fault never took effect
  sell × slow: write=delay(3s) on db: never took effect; db made no write() call while it was on

2 passed, 1 failed; 1 of the passed is vacuous (2.0s)
)");
}

TEST(Console, LeadsWithAFaultThatNeverTookEffect) {
  TestResult r = failing();
  r.faults[0].matched = r.faults[0].applied = 0;
  r.faults[0].instead = "api made no connect() call while it was on";
  std::string block = failure_block(r, 0);
  EXPECT_TRUE(block.starts_with(
      "--- FAIL: buy × db_down ---\n"
      "  note: connect=deny(ECONNREFUSED) on api: never took effect; api made no connect() call "
      "while it was on\n"))
      << block;
}

TEST(Console, ColoursOnlyWhenAsked) {
  std::string text;
  Console console([&](std::string_view more) { text += more; }, {.colour = true});
  feed(console);
  EXPECT_NE(text.find("\x1b[31mFAIL"), std::string::npos);
  EXPECT_NE(text.find("\x1b[33mVACUOUS"), std::string::npos);
}

TEST(Console, KeepsOneLineOfProgressOnATerminal) {
  std::string text;
  Console console([&](std::string_view more) { text += more; }, {.live = true});
  console.on_plan(plan());
  text.clear();
  console.on_started("test_matrix_buy_slow", 0);
  EXPECT_EQ(text, "\r\x1b[K  [0/3] test_matrix_buy_slow");
  text.clear();
  console.on_finished(passing());
  EXPECT_TRUE(text.starts_with("\r\x1b[KPASS")) << text;
}

TEST(TraceJson, HasTheDocumentedKeys) {
  TraceJson trace;
  feed(trace);
  Json document = trace.document();
  EXPECT_EQ(document["version"], 2);
  EXPECT_EQ(document["star_file"], "shop.star");
  EXPECT_EQ(document["pass"], 2);
  EXPECT_EQ(document["fail"], 1);
  EXPECT_EQ(document["duration_ms"], 2000);
  const Json& failed = document["tests"][0];
  EXPECT_EQ(failed["name"], "test_matrix_buy_db_down");
  EXPECT_EQ(failed["result"], "fail");
  EXPECT_EQ(failed["expectation_violated"], true);
  EXPECT_EQ(failed["failure_type"], "assertion");
  EXPECT_EQ(failed["assertion"]["expected"], "503");
  EXPECT_EQ(failed["assertion"]["context"][0]["summary"], "← api.post /users  [201]");
  EXPECT_EQ(failed["syscall_summary"]["api"]["total"], 2);
  EXPECT_EQ(failed["syscall_summary"]["api"]["faulted"], 1);
  EXPECT_EQ(failed["faults"][0]["hits"], 2);
  EXPECT_EQ(failed["events"].size(), 4u);
  EXPECT_EQ(failed["events"][2]["event_type"], "syscall.connect");
  const Json& bypassed = document["tests"][2];
  EXPECT_EQ(bypassed["result"], "pass");
  EXPECT_EQ(bypassed["fault_bypassed"], true);
  EXPECT_EQ(bypassed["bypassed_rules"][0]["service"], "db");
  const Json& matrix = document["matrix"];
  EXPECT_EQ(matrix["total"], 3);
  EXPECT_EQ(matrix["passed"], 2);
  EXPECT_EQ(matrix["excluded"][0]["fault"], "db_down");
  EXPECT_EQ(matrix["cells"][2]["outcome"], "fault_bypassed");
}

TEST(Junit, CountsFailuresAndEscapes) {
  Junit junit;
  feed(junit);
  std::string text = junit.document();
  EXPECT_TRUE(text.starts_with(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"2.000\">\n"))
      << text;
  EXPECT_NE(
      text.find("<failure type=\"expectation_violated\" message=\"assert_eq failed: 201 != 503\">"),
      std::string::npos);
  EXPECT_NE(text.find("{&quot;action&quot;:&quot;made&quot;}"), std::string::npos);
  EXPECT_EQ(xml_text(std::string("a\0b\x1b<&\xff", 7)),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD&lt;&amp;\xEF\xBF\xBD");
}

TEST(WriteFile, SaysWhatWentWrong) {
  auto written = write_file("/nonexistent/x.json", "{}");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "cannot write /nonexistent/x.json: No such file or directory");
}

}  // namespace
}  // namespace mishap::report
