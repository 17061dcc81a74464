// What a cell reports beside its verdict: counted faults, deaths, notes, outputs.
#pragma once

#include <string>
#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/event/run.h"
#include "mishap/sandbox/cell.h"

#include "services.h"
#include "windows.h"

namespace mishap::cell {

/// One for each declared rule, with what happened instead where it never applied.
std::vector<event::FaultCount> fault_counts(Windows& windows, event::Log& log);

/// `service "db" exited with code 1`
std::vector<std::string> worded(const std::vector<UnexpectedExit>& exits);

/// What this machine does not give to the cell, in doctor's words.
std::vector<std::string> shortcomings(const CellPlan& plan,
                                      const sandbox::CellEnvironment& environment);

/// Notes the connections that a service without a filter makes past relays.
void note_unfiltered(const CellPlan& plan, event::TestResult& result);

/// The last of what services printed, where the test did not pass. Secrets are hidden.
void add_outputs(const CellPlan& plan, const Services& services, event::TestResult& result);

}  // namespace mishap::cell
