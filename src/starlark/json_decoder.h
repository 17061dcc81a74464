// JSON text to values.
#pragma once

#include <string_view>

#include "mishap/base/result.h"
#include "mishap/starlark/heap.h"

namespace mishap::starlark {

/// One JSON value and nothing after it: objects become dicts, arrays lists, numbers ints of any
/// size, or floats when written with a point or an exponent. Errors: `at offset 3, unexpected
/// character "x"`.
Result<Value> decode_json(Heap& heap, std::string_view text, int max_depth);

}  // namespace mishap::starlark
