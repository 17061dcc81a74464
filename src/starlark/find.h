// Searching in texts, in a time that does not grow with the product of both lengths.
#pragma once

#include <string_view>

namespace mishap::starlark {

inline constexpr size_t kNotFound = std::string_view::npos;

/// Where `part` first begins in `text` at or after `from`, or kNotFound. As string_view::find.
size_t find_part(std::string_view text, std::string_view part, size_t from = 0);
/// Where it last begins.
size_t rfind_part(std::string_view text, std::string_view part);

}  // namespace mishap::starlark
