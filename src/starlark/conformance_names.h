// What conformance scripts see besides the universe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "mishap/starlark/interpreter.h"

namespace mishap::starlark {

/// Called for a failed assertion with the line of the script (0 when unknown).
using AssertionSink = std::function<void(int line, std::string message)>;

/// Predeclares struct, hasfields, fibonacci, matches, catch, and adds the modules that scripts
/// load. `script` is the file's name, by which the line of a failed assertion is found on the
/// stack.
void install_conformance_names(Interpreter& interpreter, const std::string& script,
                               AssertionSink sink);

}  // namespace mishap::starlark
