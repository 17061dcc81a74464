// A prompt for the language of specs.
#pragma once

#include "mishap/starlark/interpreter.h"

namespace mishap::cli {

/// Reads, evaluates and prints until the input ends; returns the exit code. `interpreter` has what
/// the user may name, and lets globals be bound again.
int run_repl(starlark::Interpreter& interpreter);

}  // namespace mishap::cli
