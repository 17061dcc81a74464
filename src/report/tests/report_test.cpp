#include <csignal>

#include <sys/resource.h>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mishap/report/console.h"
#include "mishap/report/junit.h"
#include "mishap/report/lines.h"
#include "mishap/report/trace_json.h"

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

To look around in a cell, write "mishap shell" for "mishap test" in its line.

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
  EXPECT_NE(text.find("\n\x1b[31m--- FAIL: buy × db_down ---\x1b[0m\n  assert_eq"),
            std::string::npos);
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

std::string console_text(const event::RunPlan& plan, const std::vector<TestResult>& results,
                         ConsoleOptions options = {}) {
  std::string text;
  Console console([&](std::string_view more) { text += more; }, options);
  console.on_plan(plan);
  for (const auto& result : results) console.on_finished(result);
  console.on_summary({});
  return text;
}

TestResult plain(Verdict verdict, int run, int ms, std::string reason = "") {
  TestResult r;
  r.name = "test_buy";
  r.kind = "test";
  r.verdict = verdict;
  r.run = run;
  r.duration = std::chrono::milliseconds(ms);
  r.reason = std::move(reason);
  return r;
}

event::RunPlan repeated(int runs) {
  event::RunPlan p = plan();
  p.tests = {{"test_buy", "test", "", ""}};
  p.matrices.clear();
  p.services.clear();
  p.runs = runs;
  return p;
}

TEST(Console, GreenRunsOfATestAreOneLine) {
  EXPECT_EQ(console_text(repeated(3), {plain(Verdict::passed, 0, 10), plain(Verdict::passed, 2, 30),
                                       plain(Verdict::passed, 1, 20)}),
            R"(mishap 0.1.0 · shop.star · 1 test × 3 runs · seed 7 (cli) · 2 jobs

PASS         test_buy                                        30ms  (the longest of 3 runs)

3 passed, 0 failed (0ms)
)");
}

TEST(Console, ARunThatFailsSaysWhichOneItWas) {
  EXPECT_EQ(console_text(repeated(3), {plain(Verdict::passed, 0, 10),
                                       plain(Verdict::failed, 1, 20, "assert_eq failed: 1 != 2")}),
            R"(mishap 0.1.0 · shop.star · 1 test × 3 runs · seed 7 (cli) · 2 jobs

FAIL         test_buy                                        20ms  (run 2 of 3)  assert_eq failed: 1 != 2

--- FAIL: test_buy ---
  assert_eq failed: 1 != 2

To look around in a cell, write "mishap shell" for "mishap test" in its line.

1 passed, 1 failed (0ms)
)");
}

TEST(Console, AnInterruptedRepetitionSaysHowFarItGot) {
  EXPECT_EQ(console_text(repeated(3), {plain(Verdict::passed, 0, 10), plain(Verdict::not_run, 1, 0),
                                       plain(Verdict::not_run, 2, 0)}),
            R"(mishap 0.1.0 · shop.star · 1 test × 3 runs · seed 7 (cli) · 2 jobs

NOT RUN      test_buy                                              (1 of 3 runs done)

1 passed, 0 failed, 2 not run (interrupted) (0ms)
)");
}

TEST(Console, ShowFailListsRedTestsAlone) {
  std::string text =
      console_text(plan(), {failing(), passing(), vacuous()}, {.only_failures = true});
  EXPECT_NE(text.find("\nFAIL         buy × db_down "), std::string::npos);
  EXPECT_EQ(text.find("\nPASS "), std::string::npos);
  EXPECT_EQ(text.find("\nVACUOUS "), std::string::npos);
}

TEST(Console, ATestThatDidNotRunHasNoTime) {
  TestResult r = passing();
  r.verdict = Verdict::not_run;
  r.duration = {};
  std::string text = console_text(plan(), {r});
  EXPECT_NE(text.find("\nNOT RUN      buy × slow\n"), std::string::npos) << text;
  EXPECT_NE(text.find("buy  │ ·       │ NOT RUN\n"), std::string::npos) << text;
}

TEST(Console, EveryVerdictHasItsPlaceInTheCounts) {
  std::vector<TestResult> results;
  for (auto verdict : {Verdict::passed, Verdict::vacuous, Verdict::vacuous, Verdict::failed,
                       Verdict::expectation_violated, Verdict::errored, Verdict::tool_error,
                       Verdict::inconclusive, Verdict::halted, Verdict::not_run}) {
    results.push_back(plain(verdict, 0, 1));
  }
  std::string text = console_text(repeated(1), results);
  EXPECT_TRUE(
      text.ends_with("\n3 passed, 4 failed, 1 inconclusive, 1 halted, 1 not run "
                     "(interrupted); 2 of the passed are vacuous (0ms)\n"))
      << text;
}

TEST(FailureBlock, ShowsTheLastLinesOfLongOutputAndShortensThem) {
  TestResult r = plain(Verdict::errored, 0, 1, "it broke");
  std::string tail;
  for (int i = 1; i <= 12; ++i) tail += "line " + std::to_string(i) + "\n";
  r.outputs = {{"api", tail + std::string(300, 'x') + "\n", "/tmp/api.log"}, {"db", "", ""}};
  std::string block = failure_block(r, 12);
  EXPECT_TRUE(
      block.starts_with("--- ERROR: test_buy ---\n"
                        "  it broke\n"
                        "  output of api, last 10 lines:\n"
                        "    line 4\n"))
      << block;
  EXPECT_NE(block.find("x…\n    (all of it: /tmp/api.log)\n"), std::string::npos) << block;
  EXPECT_EQ(block.find("output of db"), std::string::npos) << block;
}

TEST(EventLine, HasNoBlanksAtItsEnd) {
  EXPECT_EQ(event_line(make_event(9, 1500, "fault_removed", "db", {}), at(0)),
            "#9    +1.500s  db       fault_removed");
  EXPECT_EQ(event_line(make_event(10, 0, "stderr", "db", {{"raw", "two\nlines"}}), at(0)),
            "#10   +0.000s  db       stderr: two lines");
}

TEST(ShortDuration, IsAsCoarseAsItIsLong) {
  using std::chrono::milliseconds;
  EXPECT_EQ(short_duration(milliseconds(0)), "0ms");
  EXPECT_EQ(short_duration(milliseconds(999)), "999ms");
  EXPECT_EQ(short_duration(milliseconds(1000)), "1.0s");
  EXPECT_EQ(short_duration(milliseconds(125'000)), "2m05s");
}

TEST(Console, ProgressFitsALine) {
  std::string text;
  Console console([&](std::string_view more) { text = more; }, {.live = true});
  console.on_plan(plan());
  console.on_started("test_" + std::string(100, 'a'), 0);
  EXPECT_EQ(text, "\r\x1b[K  [0/3] test_" + std::string(76 - 13, 'a') + "…");
}

Json document_of(const TraceJson& trace) {
  std::string text;
  auto written = trace.write([&](std::string_view more) -> Result<void> {
    text += more;
    return {};
  });
  EXPECT_TRUE(written) << written.error().message;
  auto document = parse_json(text);
  EXPECT_TRUE(document) << text;
  // As a person would have it: the pieces are laid out as if the document had been written whole.
  EXPECT_EQ(text, document->dump(2) + "\n");
  return *document;
}

TEST(TraceJson, HasTheDocumentedKeys) {
  TraceJson trace;
  feed(trace);
  Json document = document_of(trace);
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

TEST(TraceJson, HasTheProperties) {
  TestResult result = passing();
  result.properties = {{"eventually(f)", "pending", "not satisfied yet", ""},
                       {"always(g)", "pass", "", "its window never opened"}};
  TraceJson trace;
  trace.on_plan(plan());
  trace.on_finished(result);
  trace.on_finished(failing());
  trace.on_summary({});
  Json tests = document_of(trace)["tests"];
  EXPECT_FALSE(tests[0].contains("properties"));
  Json wanted = {
      {{"property", "eventually(f)"}, {"verdict", "pending"}, {"reason", "not satisfied yet"}},
      {{"property", "always(g)"}, {"verdict", "pass"}, {"vacuous", "its window never opened"}}};
  EXPECT_EQ(tests[1]["properties"], wanted);
}

TEST(TraceJson, WithoutTestsIsADocumentToo) {
  TraceJson trace;
  trace.on_plan({.spec = "shop.star"});
  EXPECT_EQ(document_of(trace)["tests"], Json::array());
}

TEST(TraceJson, SaysThatItCouldNotPutATestAside) {
  TraceJson trace;
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_FSIZE, &none);
  feed(trace);
  auto written = trace.write([](std::string_view) -> Result<void> { return {}; });
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "cannot put the trace document aside: File too large");
}

TEST(TraceJson, PassesOnWhyItsReaderStopped) {
  TraceJson trace;
  feed(trace);
  auto written = trace.write([](std::string_view) -> Result<void> { return fail("enough"); });
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "enough");
}

TEST(WriteFile, LeavesNothingWhenItFails) {
  std::string path = testing::TempDir() + "mishap-report-test.json";
  auto written = write_file(path, [](const Write& out) -> Result<void> {
    MISHAP_TRY(out("half"));
    return fail("the other half is missing");
  });
  EXPECT_EQ(written.error().message, "the other half is missing");
  EXPECT_EQ(access(path.c_str(), F_OK), -1);
  EXPECT_EQ(access(fmt::format("{}.{}.part", path, getpid()).c_str(), F_OK), -1);
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

TEST(Junit, EachVerdictBecomesWhatCiKnows) {
  Junit junit;
  junit.on_plan(repeated(1));
  TestResult failed = plain(Verdict::failed, 0, 1500, "1 < 2\nsecond line");
  failed.name = "test_a";
  TestResult broken = plain(Verdict::inconclusive, 0, 20, "a deadline");
  broken.name = "test_b";
  TestResult halted = plain(Verdict::halted, 0, 3, "halt: nothing to see");
  halted.name = "test_c";
  TestResult waiting = plain(Verdict::not_run, 0, 0);
  waiting.name = "test_d";
  TestResult bypassed = vacuous();
  bypassed.name = "test_e";
  for (const auto& r : {bypassed, waiting, halted, broken, failed}) junit.on_finished(r);
  junit.on_summary({});
  EXPECT_EQ(junit.document(), R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="5" failures="1" errors="1" skipped="2" time="0.000">
  <testsuite name="shop.star" tests="5" failures="1" errors="1" skipped="2" time="0.000">
    <properties>
      <property name="seed" value="7"/>
    </properties>
    <testcase classname="shop.star" name="test_a" time="1.500">
      <failure type="failed" message="1 &lt; 2">--- FAIL: test_a ---
  1 &lt; 2
  second line
</failure>
    </testcase>
    <testcase classname="shop.star" name="test_b" time="0.020">
      <error type="inconclusive" message="a deadline">--- INCONCLUSIVE: test_b ---
  a deadline
</error>
    </testcase>
    <testcase classname="shop.star" name="test_c" time="0.003">
      <skipped message="halt: nothing to see"/>
    </testcase>
    <testcase classname="shop.star" name="test_d" time="0.000">
      <skipped message="not run"/>
    </testcase>
    <testcase classname="shop.star" name="test_e" time="0.412">
      <system-out>vacuous: a declared fault never took effect
write=delay(3s) on db: never took effect; db made no write() call while it was on
</system-out>
    </testcase>
  </testsuite>
</testsuites>
)");
}

TEST(WriteFile, SaysWhatWentWrong) {
  auto written = write_file("/nonexistent/x.json", "{}");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "cannot write /nonexistent/x.json: No such file or directory");
}

}  // namespace
}  // namespace mishap::report
