// Names like another name, with a say in how like they have to be. text.h has what is usual.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mishap {

/// As nearest() of text.h, for candidates at a distance of at most `most`.
std::optional<std::string> nearest_within(std::string_view name,
                                          std::span<const std::string> candidates, size_t most);

}  // namespace mishap
