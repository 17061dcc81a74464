// From what happened to a verdict. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"
#include "mishap/event/run.h"
#include "mishap/fault/rule.h"
#include "mishap/monitor/monitor.h"
#include "mishap/monitor/property.h"

namespace mishap::cell {

/// What is known once a cell has run. Absent outcomes were not reached.
struct Facts {
  std::string tool_error;                ///< "" when Mishap could do its job
  std::string start_failure;             ///< "service "db" …", "" when all started
  std::vector<std::string> early_exits;  ///< "service "db" exited with code 1"
  std::vector<std::string> late_exits;   ///< the same of those that ended once faults were on
  std::string fault_failure;             ///< the cell's faults could not be applied
  std::optional<ScriptOutcome> setup, assumption, body, expectation;
  bool timed_out = false;  ///< the body was not done in time
  /// Event sources that may not have delivered all that happened, and why.
  std::vector<std::string> unread_sources;
  std::vector<monitor::Violation> violations;        ///< in the order found
  std::vector<monitor::PropertyOutcome> properties;  ///< in order of their registration
  std::vector<event::FaultCount> faults;
};

/// An assertion or the spec itself went wrong, other than by being stopped.
bool is_failure(const ScriptOutcome& outcome);

/// Fills in verdict, reason, failure_type, assertion, position and backtrace.
void decide(const CellPlan& plan, const Facts& facts, event::TestResult& result);

/// Whether a service's end may be why: not where there is another sure reason, nor where all is
/// well.
bool may_be_due_to_exits(event::Verdict verdict);

/// What happened instead of a rule that never applied. `fits` says what none of the calls was, ""
/// when nothing narrows the rule.
std::string what_happened_instead(const fault::Counters& counters, const std::string& fits);

}  // namespace mishap::cell
