// Runs one cell inside its sandbox, from starting the services to the verdict.
#pragma once

#include <map>
#include <string>

#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"
#include "mishap/engine/native.h"
#include "mishap/event/run.h"
#include "mishap/sandbox/cell.h"

namespace mishap::cell {

struct CellSettings {
  std::map<std::string, engine::Launch> launches;  ///< how each service of the plan is started
  bool keep = false;
  bool echo_output = false;  ///< services' lines also go to stderr
};

/// To be called in the worker (pid 1 of the cell). Never fails: what goes wrong is the result. When
/// it returns, services may still be running; the worker's end ends them. A body that does not stop
/// when cancelled is left behind on its thread, so the worker must end by _exit.
event::TestResult run_cell(const CellPlan& plan, Script& script, const CellSettings& settings,
                           sandbox::CellEnvironment& environment);

}  // namespace mishap::cell
