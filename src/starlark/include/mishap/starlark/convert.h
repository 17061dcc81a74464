// Between Starlark values and JSON trees.
#pragma once

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

class Heap;
class Thread;

/// None, bool, int, float, string, list, dict.
Value from_json(Heap& heap, const Json& json);

/// The reverse; tuples, sets and ranges become arrays; dict keys must be strings; bytes become
/// text. Integers beyond 64 bits become doubles. Errors: "cannot convert function to JSON", "dict
/// has int key, want string", with the path: "at .a[3]: …".
Result<Json> to_json(const Value& value);

}  // namespace mishap::starlark
