// From a resolved syntax tree to code.
#pragma once

#include <memory>

#include "mishap/base/result.h"
#include "mishap/starlark/ast.h"
#include "mishap/starlark/dialect.h"
#include "mishap/starlark/heap.h"

#include "code.h"

namespace mishap::starlark {

/// `module` must have been resolved without errors. The program keeps nothing of the tree.
/// `predeclared_names` of the program are the module's predeclared names followed by its universal
/// ones. Error: something too large for an operand.
Result<std::shared_ptr<Program>> compile_module(const ast::Module& module, const Dialect& dialect,
                                                Heap& heap);

}  // namespace mishap::starlark
