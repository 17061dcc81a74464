// Starlark, a small deterministic dialect of Python, as a library. This header is all an embedder
// needs.
//
// clang-format off
//   interpreter.h  Interpreter: predeclared names, loading and running files
//   thread.h       Thread: calling functions, limits, cancelling, the call stack; EvalError
//   value.h        Value, which holds any value of the language
//   heap.h         Heap: makes values and limits their memory
//   objects.h      the built-in types: strings, lists, dicts, sets and so on
//   operations.h   what all values can do: str, equals, compare, hash, iterate
//   callable.h     native functions with declared parameters
//   host.h         values whose behaviour the embedder writes
//   function.h     functions written in Starlark, to look at
//   module.h       what a file defined
//   convert.h      values from and to JSON
//   library.h      the standard library; json, math, time and struct for embedders that want them
// Not included here, for those who want less or more:
//   parser.h, ast.h, resolver.h   a file as a tree, without running it
//   diagnostic.h                  errors, and how they are shown
//   conformance.h                 the runner of conformance scripts
// clang-format on
#pragma once

#include "mishap/starlark/callable.h"
#include "mishap/starlark/convert.h"
#include "mishap/starlark/function.h"
#include "mishap/starlark/heap.h"
#include "mishap/starlark/host.h"
#include "mishap/starlark/interpreter.h"
#include "mishap/starlark/library.h"
#include "mishap/starlark/module.h"
#include "mishap/starlark/objects.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"
#include "mishap/starlark/value.h"
