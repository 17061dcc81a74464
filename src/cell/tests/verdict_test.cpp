#include "verdict.h"

#include <gtest/gtest.h>

namespace mishap::cell {
namespace {

using event::Verdict;
using Kind = ScriptOutcome::Kind;

ScriptOutcome outcome(Kind kind, std::string message = "") {
  ScriptOutcome out;
  out.kind = kind;
  out.message = std::move(message);
  return out;
}

event::FaultCount fault(uint64_t applied) {
  event::FaultCount count;
  count.service = "db";
  count.text = "write=deny(EIO)";
  count.action = "deny";
  count.applied = applied;
  count.instead = "db made no write() call while it was on";
  return count;
}

event::TestResult decided(const Facts& facts) {
  CellPlan plan;
  plan.timeout = std::chrono::seconds(30);
  event::TestResult result;
  decide(plan, facts, result);
  return result;
}

TEST(Verdict, APassingBodyPasses) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.faults = {fault(1)};
  EXPECT_EQ(decided(facts).verdict, Verdict::passed);
}

TEST(Verdict, AFaultThatNeverAppliedMakesAPassVacuous) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.faults = {fault(1), fault(0)};
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::vacuous);
  EXPECT_EQ(result.reason,
            "write=deny(EIO) on db never took effect: db made no write() call while it was on");

  facts.faults[1].may_not_fire = true;
  EXPECT_EQ(decided(facts).verdict, Verdict::passed);
}

TEST(Verdict, AServiceThatEndedUnderFaultsIsNamedWhereSomethingWentWrong) {
  Facts facts;
  facts.late_exits = {"service \"db\" was killed by signal 9 (KILL)"};
  facts.body = outcome(Kind::failed, "got 502");
  EXPECT_EQ(decided(facts).reason,
            "got 502\nservice \"db\" was killed by signal 9 (KILL) during the test");
  facts.timed_out = true;
  facts.body = outcome(Kind::cancelled);
  EXPECT_EQ(decided(facts).reason,
            "test timeout: body did not complete within 30s\n"
            "service \"db\" was killed by signal 9 (KILL) during the test");

  facts.timed_out = false;
  facts.body = outcome(Kind::returned);
  EXPECT_EQ(decided(facts).verdict, Verdict::passed);
  EXPECT_EQ(decided(facts).reason, "");
}

monitor::PropertyOutcome property(std::string name, monitor::PropertyState state,
                                  monitor::Cause cause, std::string why = "") {
  monitor::PropertyOutcome made;
  made.name = std::move(name);
  made.state = state;
  made.verdict = monitor::verdict_of(state, cause);
  made.why = std::move(why);
  made.pos = {"spec.star", 7, 3};
  return made;
}

using monitor::Cause;
using State = monitor::PropertyState;

TEST(Verdict, APropertyThatFailedFailsTheTest) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.properties = {property("eventually(a)", State::satisfied, Cause::returned),
                      property("eventually(b)", State::unsatisfied, Cause::returned, "not yet"),
                      property("eventually(c)", State::broken, Cause::returned, "raised")};
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(result.failure_type, "property");
  EXPECT_EQ(result.reason, "eventually(b): not yet");
  EXPECT_EQ(result.pos.line, 7);
}

TEST(Verdict, APropertyComesAfterMonitorsAndTheExpectation) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.properties = {property("eventually(b)", State::unsatisfied, Cause::returned, "not yet")};
  facts.expectation = outcome(Kind::failed, "no");
  EXPECT_EQ(decided(facts).reason, "no");
  facts.violations = {{.monitor = "m", .message = "monitor \"m\" violated"}};
  EXPECT_EQ(decided(facts).reason, "monitor violation: monitor \"m\" violated");
}

TEST(Verdict, AViolatedAlwaysOutranksTheBodyAndItsHalt) {
  Facts facts;
  facts.properties = {property("always(a)", State::violated, Cause::failed, "violated at x")};
  facts.body = outcome(Kind::halted, "halt()");
  EXPECT_EQ(decided(facts).reason, "always(a): violated at x");
  facts.body = outcome(Kind::failed, "got 502");
  EXPECT_EQ(decided(facts).reason, "always(a): violated at x\nthe body failed, too: got 502");
  EXPECT_EQ(decided(facts).verdict, Verdict::failed);
}

TEST(Verdict, NothingElseIsJudgedOfAHaltedBody) {
  Facts facts;
  facts.body = outcome(Kind::halted, "halt()");
  facts.properties = {property("eventually(a)", State::unsatisfied, Cause::failed, "not yet")};
  facts.violations = {{.monitor = "m", .message = "x"}};
  EXPECT_EQ(decided(facts).verdict, Verdict::halted);
}

TEST(Verdict, ATimeoutNamesWhatIsPending) {
  Facts facts;
  facts.timed_out = true;
  facts.body = outcome(Kind::cancelled, "await_event: none of 3 events matches x");
  facts.properties = {property("eventually(a)", State::satisfied, Cause::timeout)};
  EXPECT_EQ(decided(facts).reason,
            "test timeout: body did not complete within 30s\n"
            "await_event: none of 3 events matches x");
  facts.properties.push_back(
      property("eventually(b)", State::unsatisfied, Cause::timeout, "not satisfied yet"));
  facts.properties.push_back(
      property("always(c)", State::held_unbounded, Cause::timeout, "it has no end"));
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.failure_type, "timeout");
  EXPECT_EQ(result.reason,
            "test timeout: temporal expectation(s) still pending after 30s: eventually(b) (not "
            "satisfied yet), always(c) (it has no end)\n"
            "await_event: none of 3 events matches x");
  facts.properties.push_back(property("eventually(d)", State::broken, Cause::timeout, "raised"));
  EXPECT_EQ(decided(facts).reason, "eventually(d): raised");
}

TEST(Verdict, AnAssertionThatFailsAsTheTimeRunsOutIsNotSwallowed) {
  Facts facts;
  facts.timed_out = true;
  facts.body = outcome(Kind::failed, "assert_eq failed: 1 != 2");
  EXPECT_EQ(decided(facts).verdict, Verdict::failed);
  EXPECT_EQ(decided(facts).reason, "assert_eq failed: 1 != 2");
}

TEST(Verdict, AnAssumptionHaltsOrIsAnError) {
  Facts facts;
  facts.assumption = outcome(Kind::halted, "assume(f) not satisfied");
  EXPECT_EQ(decided(facts).verdict, Verdict::halted);
  EXPECT_EQ(decided(facts).reason, "assume(f) not satisfied");
  facts.assumption = outcome(Kind::failed, "assume(f): fail: no");
  EXPECT_EQ(decided(facts).verdict, Verdict::errored);
  EXPECT_EQ(decided(facts).reason, "assume(f): fail: no");
}

TEST(Verdict, WhatWasNotReadLeavesNoTestPassed) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.unread_sources = {"wal_stream of db: the server is gone", "topic t of kafka: gone, too"};
  auto passed = decided(facts);
  EXPECT_EQ(passed.verdict, Verdict::inconclusive);
  EXPECT_EQ(passed.failure_type, "source");
  EXPECT_EQ(passed.reason,
            "not all that happened could be read: wal_stream of db: the server is gone");

  facts.expectation = outcome(Kind::failed, "assert_eq failed: 201 != 503");
  auto failed = decided(facts);
  EXPECT_EQ(failed.verdict, Verdict::expectation_violated);
  EXPECT_EQ(failed.reason,
            "assert_eq failed: 201 != 503\n"
            "not all that happened could be read: wal_stream of db: the server is gone\n"
            "not all that happened could be read: topic t of kafka: gone, too");

  facts.violations = {{.monitor = "m", .message = "a row without its event"}};
  EXPECT_EQ(decided(facts).verdict, Verdict::failed);
}

TEST(Verdict, AServiceThatDiedWhileAnotherStartedIsNamed) {
  Facts facts;
  facts.start_failure = "service \"api\" exited before becoming ready (exited with code 1)";
  facts.early_exits = {"service \"db\" was killed by signal 9 (KILL)",
                       "service \"api\" exited with code 1"};
  EXPECT_EQ(decided(facts).reason,
            "failed to start services: service \"api\" exited before becoming ready (exited with "
            "code 1)\nservice \"db\" was killed by signal 9 (KILL) meanwhile");
}

TEST(Verdict, TracesAndAllowsNeedNotApply) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.faults = {fault(0)};
  facts.faults[0].action = "trace";
  EXPECT_EQ(decided(facts).verdict, Verdict::passed);
}

TEST(Verdict, AToolErrorOutranksEverything) {
  Facts facts;
  facts.tool_error = "the supervisor of db died";
  facts.start_failure = "service \"db\" exited";
  facts.body = outcome(Kind::failed, "assertion failed");
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::tool_error);
  EXPECT_EQ(result.reason, "the supervisor of db died");
}

TEST(Verdict, StartFailuresAreErrors) {
  Facts facts;
  facts.start_failure =
      "service \"db\" not ready: tcp localhost:5432 after 10s: connection refused";
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::errored);
  EXPECT_EQ(result.failure_type, "service_start");
  EXPECT_EQ(result.reason,
            "failed to start services: service \"db\" not ready: tcp localhost:5432 after 10s: "
            "connection refused");
}

TEST(Verdict, AServiceThatDiesBeforeAnyFaultIsAnError) {
  Facts facts;
  facts.early_exits = {"service \"db\" exited with code 1"};
  facts.body = outcome(Kind::returned);
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::errored);
  EXPECT_EQ(result.reason, "service \"db\" exited with code 1 before any fault was on");
}

TEST(Verdict, AssertionsFailAndOtherErrorsAreTheSpecsOwn) {
  Facts facts;
  facts.body = outcome(Kind::failed, "assert_eq failed: 1 != 2");
  EXPECT_EQ(decided(facts).verdict, Verdict::failed);
  EXPECT_EQ(decided(facts).reason, "assert_eq failed: 1 != 2");
  facts.body = outcome(Kind::raised, "division by zero");
  EXPECT_EQ(decided(facts).verdict, Verdict::errored);
  facts.body.reset();
  facts.setup = outcome(Kind::failed, "assertion failed");
  EXPECT_EQ(decided(facts).reason, "setup: assertion failed");
}

TEST(Verdict, AServiceThatEndedIsWhyItsFaultsCouldNotBeApplied) {
  Facts facts;
  facts.fault_failure = "service \"db\" is not running";
  EXPECT_EQ(decided(facts).reason, "service \"db\" is not running");
  facts.early_exits = {"service \"db\" was killed by signal 9 (KILL)"};
  EXPECT_EQ(decided(facts).reason,
            "service \"db\" was killed by signal 9 (KILL) before any fault was on");
}

TEST(Verdict, AViolatedMonitorComesBeforeTheExpectation) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  monitor::Violation orphan;
  orphan.message = "orphan event: 7 (event seq=12)";
  orphan.pos = {"spec.star", 8, 5};
  orphan.source_line = "    fail(\"orphan event: 7\")";
  monitor::Violation another;
  another.message = "another";
  facts.violations = {orphan, another};
  facts.expectation = outcome(Kind::failed, "assertion failed");
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::failed);
  EXPECT_EQ(result.failure_type, "monitor");
  EXPECT_EQ(result.reason, "monitor violation: orphan event: 7 (event seq=12)");
  EXPECT_EQ(result.pos.line, 8);
  EXPECT_EQ(result.source_line, "    fail(\"orphan event: 7\")");
}

TEST(Verdict, ExpectationsThatFailAreViolated) {
  Facts facts;
  facts.body = outcome(Kind::returned);
  facts.faults = {fault(0)};
  facts.expectation = outcome(Kind::failed, "expect_success: got status 503");
  facts.expectation->assertion = event::AssertionFailure{.func = "expect_success"};
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::expectation_violated);
  EXPECT_EQ(result.failure_type, "assertion");
}

TEST(Verdict, ABodyThatHangsIsInconclusiveUnlessSomethingExpectsIt) {
  Facts facts;
  facts.timed_out = true;
  auto result = decided(facts);
  EXPECT_EQ(result.verdict, Verdict::inconclusive);
  EXPECT_EQ(result.reason, "test timeout: body did not complete within 30s");
  facts.expectation = outcome(Kind::returned);
  EXPECT_EQ(decided(facts).verdict, Verdict::passed);
  facts.expectation = outcome(Kind::failed, "expect_success: the scenario did not return in time");
  EXPECT_EQ(decided(facts).verdict, Verdict::expectation_violated);
}

TEST(Verdict, HaltedIsNeitherPassNorFail) {
  Facts facts;
  facts.body = outcome(Kind::halted, "halt: not interesting");
  EXPECT_EQ(decided(facts).verdict, Verdict::halted);
  EXPECT_EQ(decided(facts).reason, "halt: not interesting");
}

struct InsteadCase {
  const char* text;
  const char* interface;
  uint64_t seen, matched;
  const char* fits;
  const char* expected;
};

TEST(Verdict, SaysWhatHappenedInsteadOfAFault) {
  const InsteadCase cases[] = {
      {"connect=deny(ECONNREFUSED)", "", 0, 0, "",
       "api made no connect() call while it was on; connections that were already open stay open"},
      {"write=deny(ENOSPC)", "", 12, 0, "needed new blocks of a regular file",
       "api made 12 write() calls while it was on, none needed new blocks of a regular file"},
      {"write=deny(EIO)", "", 1, 0, "",
       "api made 1 write() call while it was on, none of which it matches"},
      {"drop(path=\"/x\")", "http", 0, 0, "", "no request reached api.http while it was on"},
      {"drop(path=\"/x\")", "http", 3, 0, "",
       "3 requests reached api.http while it was on, none of which it matches"},
      {"write=deny(EIO) nth=9", "", 5, 5, "", "it was matched 5×, but its trigger never fired"},
  };
  for (const auto& c : cases) {
    fault::Counters counters;
    counters.declared.text = c.text;
    counters.service = "api";
    counters.interface = c.interface;
    counters.seen = c.seen;
    counters.matched = c.matched;
    EXPECT_EQ(what_happened_instead(counters, c.fits), c.expected);
  }
}

TEST(Verdict, SaysByWhichCallsAServiceDidTheSame) {
  fault::Counters counters;
  counters.declared.text = "write=delay(8s)";
  counters.service = "inventory";
  counters.elsewhere = {{"sendmsg", 12}, {"sendto", 1}};
  EXPECT_EQ(what_happened_instead(counters, ""),
            "inventory made no write() call while it was on; it made 12 sendmsg() calls and 1 "
            "sendto() call, which a fault on sendto= reaches");
  counters.seen = 2;
  EXPECT_EQ(what_happened_instead(counters, "was on a descriptor of the fault's kind (socket)"),
            "inventory made 2 write() calls while it was on, none was on a descriptor of the "
            "fault's kind (socket); it made 12 sendmsg() calls and 1 sendto() call, which a fault "
            "on sendto= reaches");
  counters.matched = 2;
  EXPECT_EQ(what_happened_instead(counters, ""), "it was matched 2×, but its trigger never fired");
}

TEST(Verdict, SaysWhichFaultTookItsOperations) {
  fault::Counters counters;
  counters.declared.text = "write=delay(20ms)";
  counters.service = "api";
  counters.taken = 1;
  counters.taken_by = "write=deny(EIO)";
  EXPECT_EQ(what_happened_instead(counters, ""),
            "write=deny(EIO), which goes before it, took the one write() call that api made while "
            "it was on");
  counters.taken = 3;
  EXPECT_EQ(what_happened_instead(counters, ""),
            "write=deny(EIO), which goes before it, took the 3 write() calls that api made while "
            "it was on");
  counters.seen = 2;
  EXPECT_EQ(what_happened_instead(counters, ""),
            "write=deny(EIO), which goes before it, took 3 of the 5 write() calls that api made "
            "while it was on");
  counters.interface = "http";
  counters.taken_by = "error(path=\"/x\")";
  EXPECT_EQ(what_happened_instead(counters, ""),
            "error(path=\"/x\"), which goes before it, took the 3 requests to api.http that it "
            "matches");
}

TEST(Verdict, SaysThatNothingWasSentThroughAPartition) {
  fault::Counters counters;
  counters.action = "partition";
  counters.service = "api";
  counters.peer = "db";
  counters.detail = "both";
  EXPECT_EQ(what_happened_instead(counters, ""),
            "api and db sent each other nothing while it was on");
  counters.detail = "a_to_b";
  EXPECT_EQ(what_happened_instead(counters, ""), "api sent db nothing while it was on");
  counters.detail = "b_to_a";
  EXPECT_EQ(what_happened_instead(counters, ""), "db sent api nothing while it was on");
}

}  // namespace
}  // namespace mishap::cell
