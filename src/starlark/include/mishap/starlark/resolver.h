// What the names of a file mean, and what a file may not do.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/ast.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/dialect.h"

namespace mishap::starlark {

/// Names from outside the file. The lists are only read during the call.
struct Environment {
  std::span<const std::string> predeclared;
  std::span<const std::string> universal;
  /// Globals of earlier inputs of the same session, for prompts: in the order of their slots, which
  /// the module keeps.
  std::span<const std::string> earlier_globals = {};
};

/// Fills the bindings of `module`'s identifiers, its functions' variables and its lists of names;
/// reports undefined names (with the nearest known one), names bound twice, misplaced statements,
/// and bad parameter and argument lists. A module that had errors must not be compiled. Call once
/// per module.
std::vector<Diagnostic> resolve(ast::Module& module, const Environment& environment,
                                const Dialect& dialect);

}  // namespace mishap::starlark
