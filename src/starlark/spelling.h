// Names that someone may have meant who wrote another one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mishap::starlark {

/// The candidate that `name` is a slip of the pen for: as mishap::nearest finds it or, failing
/// that, as the reference implementation does, which lets less than half of the letters be wrong
/// and does not count underscores.
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

}  // namespace mishap::starlark
