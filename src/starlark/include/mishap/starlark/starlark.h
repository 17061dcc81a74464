// Starlark, a small deterministic dialect of Python, as a library. This header is all an embedder
// needs.
//
//   interpreter.h  Interpreter: predeclared names, loading and running files
//   thread.h       Thread: calling functions, limits, cancelling, the call stack; EvalError
//   value.h        Value; heap.h makes them, objects.h are the built-in types, operations.h what
//   all can do callable.h     native functions with declared parameters host.h         values whose
//   behaviour the embedder writes function.h     functions written in Starlark, to look at module.h
//   what a file defined convert.h      values from and to JSON library.h      the standard library;
//   json, math, time and struct for embedders that want them
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
