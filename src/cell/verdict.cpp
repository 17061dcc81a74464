#include "verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/duration.h"
#include "mishap/base/text.h"
#include "mishap/fault/names.h"

namespace mishap::cell {
namespace {

using event::TestResult;
using event::Verdict;

void set(TestResult& result, Verdict verdict, std::string type, std::string reason) {
  result.verdict = verdict;
  result.failure_type = std::move(type);
  result.reason = std::move(reason);
}

void point_at(TestResult& result, const SourcePos& pos, const std::string& source_line,
              const std::string& backtrace) {
  result.backtrace = backtrace;
  if (pos.line == 0) return;
  result.pos = pos;
  result.source_line = source_line;
}

void adopt(TestResult& result, const ScriptOutcome& outcome) {
  result.assertion = outcome.assertion;
  point_at(result, outcome.pos, outcome.source_line, outcome.backtrace);
}

bool went_wrong(const std::optional<ScriptOutcome>& outcome) {
  return outcome && is_failure(*outcome);
}

/// `prefix` names the part of the test when it was not its body.
void set_script_failure(TestResult& result, const ScriptOutcome& outcome, std::string_view prefix) {
  bool asserted = outcome.kind == ScriptOutcome::Kind::failed;
  set(result, asserted ? Verdict::failed : Verdict::errored, asserted ? "assertion" : "error",
      std::string(prefix) + outcome.message);
  adopt(result, outcome);
}

/// Whatever it raised: a predicate that cannot tell is the spec's mistake.
void set_assumption_raised(const ScriptOutcome& outcome, TestResult& result) {
  set(result, Verdict::errored, "error", outcome.message);
  adopt(result, outcome);
}

void set_violated(const monitor::Violation& violation, TestResult& result) {
  set(result, Verdict::failed, "monitor", "monitor violation: " + violation.message);
  point_at(result, violation.pos, violation.source_line, violation.backtrace);
}

void set_property_failed(const monitor::PropertyOutcome& property, TestResult& result) {
  set(result, Verdict::failed, "property", property.name + ": " + property.why);
  point_at(result, property.pos, property.source_line, property.backtrace);
}

/// An always() that is violated has stopped the body, whatever came of that.
const monitor::PropertyOutcome* violated_property(const Facts& facts) {
  auto found = std::find_if(
      facts.properties.begin(), facts.properties.end(),
      [](const auto& property) { return property.state == monitor::PropertyState::violated; });
  return found == facts.properties.end() ? nullptr : &*found;
}

void set_property_violated(const monitor::PropertyOutcome& property, const Facts& facts,
                           TestResult& result) {
  set_property_failed(property, result);
  if (went_wrong(facts.body)) result.reason += "\nthe body failed, too: " + facts.body->message;
}

const monitor::PropertyOutcome* failed_property(const Facts& facts) {
  auto found = std::find_if(
      facts.properties.begin(), facts.properties.end(),
      [](const auto& property) { return property.verdict == monitor::PropertyVerdict::fail; });
  return found == facts.properties.end() ? nullptr : &*found;
}

/// "eventually(settled) (not satisfied yet), always(calm) (it has no end)".
std::string pending_properties(const Facts& facts) {
  std::string names;
  for (const auto& property : facts.properties) {
    if (property.verdict != monitor::PropertyVerdict::pending) continue;
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", property.name, property.why);
  }
  return names;
}

bool bypassed(const event::FaultCount& fault) {
  return fault.applied == 0 && !fault.may_not_fire && fault.action != "trace" &&
         fault.action != "allow";
}

void set_passed(const CellPlan&, const Facts& facts, TestResult& result) {
  if (std::any_of(facts.faults.begin(), facts.faults.end(), bypassed)) {
    set(result, Verdict::vacuous, "", "");
    for (const auto& fault : facts.faults) {
      if (!bypassed(fault)) continue;
      result.reason =
          fmt::format("{} never took effect: {}", event::placed_text(fault), fault.instead);
      return;
    }
  }
  set(result, Verdict::passed, "", "");
}

/// Where the body was when its time was up, if it waited.
void add_wait(const Facts& facts, TestResult& result) {
  if (!facts.body || facts.body->message.empty()) return;
  result.reason += "\n" + facts.body->message;
  adopt(result, *facts.body);
}

void decide_timeout(const CellPlan& plan, const Facts& facts, TestResult& result) {
  std::string limit = format_duration(plan.timeout.value_or(plan.ceiling));
  if (went_wrong(facts.expectation)) {
    set(result, Verdict::expectation_violated, "timeout",
        fmt::format("the scenario did not return within {}: {}", limit,
                    facts.expectation->message));
    return adopt(result, *facts.expectation);
  }
  if (const auto* failed = failed_property(facts)) return set_property_failed(*failed, result);
  if (auto pending = pending_properties(facts); !pending.empty()) {
    set(result, Verdict::inconclusive, "timeout",
        fmt::format("test timeout: temporal expectation(s) still pending after {}: {}", limit,
                    pending));
    return add_wait(facts, result);
  }
  if (facts.expectation) return set_passed(plan, facts, result);
  set(result, Verdict::inconclusive, "timeout",
      "test timeout: body did not complete within " + limit);
  add_wait(facts, result);
}

void judge(const CellPlan& plan, const Facts& facts, TestResult& result) {
  if (!facts.tool_error.empty()) return set(result, Verdict::tool_error, "error", facts.tool_error);
  if (!facts.start_failure.empty()) {
    return set(result, Verdict::errored, "service_start",
               "failed to start services: " + facts.start_failure);
  }
  if (went_wrong(facts.setup)) return set_script_failure(result, *facts.setup, "setup: ");
  if (facts.assumption && facts.assumption->kind == ScriptOutcome::Kind::halted)
    return set(result, Verdict::halted, "", facts.assumption->message);
  if (went_wrong(facts.assumption)) return set_assumption_raised(*facts.assumption, result);
  // A service that ended is also why its faults could not be applied, so it comes first.
  if (!facts.early_exits.empty()) {
    return set(result, Verdict::errored, "error",
               facts.early_exits.front() + " before any fault was on");
  }
  if (!facts.fault_failure.empty())
    return set(result, Verdict::errored, "error", facts.fault_failure);
  if (const auto* violated = violated_property(facts))
    return set_property_violated(*violated, facts, result);
  if (facts.body && facts.body->kind == ScriptOutcome::Kind::halted) {
    return set(result, Verdict::halted, "", facts.body->message);
  }
  if (went_wrong(facts.body)) return set_script_failure(result, *facts.body, "");
  if (!facts.violations.empty()) {
    return set_violated(facts.violations.front(), result);
  }
  if (facts.timed_out) return decide_timeout(plan, facts, result);
  if (went_wrong(facts.expectation)) {
    bool asserted = facts.expectation->assertion.has_value();
    set(result, Verdict::expectation_violated, asserted ? "assertion" : "error",
        facts.expectation->message);
    return adopt(result, *facts.expectation);
  }
  if (facts.expectation && facts.expectation->kind == ScriptOutcome::Kind::cancelled) {
    return set(result, Verdict::inconclusive, "timeout",
               "test timeout: the expectation did not complete in time");
  }
  if (!facts.unread_sources.empty()) {
    return set(result, Verdict::inconclusive, "source",
               "not all that happened could be read: " + facts.unread_sources.front());
  }
  if (const auto* failed = failed_property(facts)) return set_property_failed(*failed, result);
  set_passed(plan, facts, result);
}

/// A service that cannot start often misses one that has died: that one is named, too.
void add_causes_of_failed_start(const Facts& facts, TestResult& result) {
  for (const auto& exit : facts.early_exits) {
    std::string service = exit.substr(0, exit.find(' ', exit.find(' ') + 1));  // `service "db"`
    if (!facts.start_failure.starts_with(service)) result.reason += "\n" + exit + " meanwhile";
  }
}

/// Of a partition that cut nothing.
std::string nothing_was_sent(const fault::Counters& c) {
  if (c.detail == "both")
    return fmt::format("{} and {} sent each other nothing while it was on", c.service, c.peer);
  bool forth = c.detail == "a_to_b";
  return fmt::format("{} sent {} nothing while it was on", forth ? c.service : c.peer,
                     forth ? c.peer : c.service);
}

/// "; it made 12 sendmsg() calls, which are for sendto=" of a rule for write().
std::string done_otherwise(const fault::Counters& c) {
  if (c.matched > 0 || c.taken > 0 || c.elsewhere.empty()) return "";
  std::vector<std::string> calls;
  calls.reserve(c.elsewhere.size());
  for (const auto& [syscall, count] : c.elsewhere)
    calls.push_back(fmt::format("{} {}() call{}", count, syscall, count == 1 ? "" : "s"));
  return fmt::format("; it made {}, which a fault on {}= reaches", join(calls, " and "),
                     fault::keyword_of(c.elsewhere.begin()->first));
}

/// "the one write() call", "2 of the 3 write() calls".
std::string part_of(uint64_t some, uint64_t all, const std::string& what) {
  if (all == 1) return "the one " + what;
  return some == all ? fmt::format("the {} {}s", all, what)
                     : fmt::format("{} of the {} {}s", some, all, what);
}

/// Of a rule before which another one decided.
std::string taken_from(const fault::Counters& c) {
  const std::string keyword = c.declared.text.substr(0, c.declared.text.find('='));
  const std::string what =
      c.interface.empty()
          ? fmt::format("{} that {} made while it was on",
                        part_of(c.taken, c.taken + c.seen, keyword + "() call"), c.service)
          : fmt::format("{} to {}.{} that it matches", part_of(c.taken, c.taken, "request"),
                        c.service, c.interface);
  return fmt::format("{}, which goes before it, took {}", c.taken_by, what);
}

std::string what_happened_to(const fault::Counters& c, const std::string& fits) {
  if (c.action == "partition") return nothing_was_sent(c);
  if (c.action.starts_with("packet_"))
    return fmt::format("no connection to {}.{} came so far while it was on", c.service,
                       c.interface);
  if (c.taken > 0 && c.matched == 0) return taken_from(c);
  if (c.matched > 0)
    return fmt::format("it was matched {}×, but its trigger never fired", c.matched);
  std::string keyword = c.declared.text.substr(0, c.declared.text.find('='));
  if (!c.interface.empty()) {
    std::string target = c.service + "." + c.interface;
    if (c.seen == 0) return fmt::format("no request reached {} while it was on", target);
    return fmt::format("{} request{} reached {} while it was on, none of which it matches", c.seen,
                       c.seen == 1 ? "" : "s", target);
  }
  if (c.seen == 0) {
    return fmt::format(
        "{} made no {}() call while it was on{}", c.service, keyword,
        keyword == "connect" ? "; connections that were already open stay open" : "");
  }
  if (c.unresolved_paths == c.seen) {
    return fmt::format("{} made {} {}() calls while it was on, but their paths could not be read",
                       c.service, c.seen, keyword);
  }
  return fmt::format("{} made {} {}() call{} while it was on, none {}", c.service, c.seen, keyword,
                     c.seen == 1 ? "" : "s", fits.empty() ? "of which it matches" : fits);
}

}  // namespace

bool is_failure(const ScriptOutcome& outcome) {
  return outcome.kind == ScriptOutcome::Kind::failed || outcome.kind == ScriptOutcome::Kind::raised;
}

bool may_be_due_to_exits(Verdict verdict) {
  return verdict == Verdict::failed || verdict == Verdict::expectation_violated ||
         verdict == Verdict::errored || verdict == Verdict::inconclusive;
}

void decide(const CellPlan& plan, const Facts& facts, TestResult& result) {
  judge(plan, facts, result);
  if (result.failure_type == "service_start") return add_causes_of_failed_start(facts, result);
  if (!may_be_due_to_exits(result.verdict)) return;
  for (const auto& exit : facts.late_exits) result.reason += "\n" + exit + " during the test";
  if (result.failure_type == "source") return;
  for (const auto& source : facts.unread_sources)
    result.reason += "\nnot all that happened could be read: " + source;
}

std::string what_happened_instead(const fault::Counters& c, const std::string& fits) {
  return what_happened_to(c, fits) + done_otherwise(c);
}

}  // namespace mishap::cell
