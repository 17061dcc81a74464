// Fault windows that a body opens around a call.
#pragma once

#include "mishap/cell/plan.h"

#include "world.h"

namespace mishap::spec {

/// Opens the window, calls `run`, closes the window whatever came of it. What `run` returned; or
/// its error, or why the window could not be opened.
Result<Value> run_within(CallContext& call, const cell::WindowPlan& window, const Value& run);

}  // namespace mishap::spec
