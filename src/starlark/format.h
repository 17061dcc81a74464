// The two ways to format: the operator % and the method format.
#pragma once

#include <span>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/starlark/callable.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

/// format % args: `args` is a tuple of operands, or one operand; `%(key)s` looks the key up in the
/// mapping `args`.
Result<Value> format_percent(Thread& thread, std::string_view format, const Value& args);

/// The same for the usual conversions, %d and %s of small integers and texts, with a short result;
/// invalid, having done nothing, for all else.
Value quick_format_percent(Heap& heap, std::string_view format, const Value& args);

/// format.format(*args, **kwargs).
Result<Value> format_braces(Heap& heap, std::string_view format, std::span<const Value> args,
                            std::span<const KeywordArg> kwargs);

}  // namespace mishap::starlark
