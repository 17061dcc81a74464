// Runs one cell inside its sandbox, from starting the services to the verdict.
#pragma once

#include <functional>

#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"
#include "mishap/engine/native.h"
#include "mishap/event/run.h"
#include "mishap/sandbox/cell.h"

namespace mishap::cell {

struct CellSettings {
  engine::EngineOptions engine;
  bool keep = false;
  bool echo_output = false;  ///< services' lines also go to stderr
};

/// To be called in the worker (pid 1 of the cell). Never fails: what goes wrong is the result. When it returns, services may still
/// be running; the worker's end ends them.
event::TestResult run_cell(const CellPlan& plan, Script& script, const CellSettings& settings,
                           sandbox::CellEnvironment& environment);

}  // namespace mishap::cell
