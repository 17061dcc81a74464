// JSON text to values.
#pragma once

#include <string_view>

#include "mishap/base/result.h"
#include "mishap/starlark/heap.h"

namespace mishap::starlark {

/// Which function an error is for: json.decode and json.indent say the same in other words.
enum class JsonErrors { kOfDecode, kOfIndent };

/// One JSON value and nothing after it: objects become dicts, arrays lists, numbers ints of any
/// size, or floats when written with a point or an exponent. Errors: `at offset 3, unexpected
/// character 'x'`, or `invalid character 'x' looking for beginning of value (at offset 3)`.
Result<Value> decode_json(Heap& heap, std::string_view text, int max_depth,
                          JsonErrors errors = JsonErrors::kOfDecode);

}  // namespace mishap::starlark
