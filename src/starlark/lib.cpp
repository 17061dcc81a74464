#include "lib.h"

#include <algorithm>

#include <fmt/format.h>

namespace mishap::starlark {

void install_standard_library(Library& library) {
  install_universe(library);
  install_universe_numbers(library);
  install_universe_sequences(library);
  install_universe_order(library);
  install_string_search(library);
  install_string_split(library);
  install_string_case(library);
  install_string_elements(library);
  install_bytes(library);
  install_list(library);
  install_dict(library);
  install_set(library);
}

std::string out_of_range(std::string_view type, int64_t index, size_t size) {
  if (size == 0) return fmt::format("index {} out of range: empty {}", index, type);
  return fmt::format("{} index {} out of range [-{}:{}]", type, index, size, size - 1);
}

Result<void> check_size(const CallContext& call, uint64_t bytes) {
  if (bytes <= static_cast<uint64_t>(kMaxRepeat) && call.heap().can_allocate(bytes)) return {};
  return call.error(fmt::format("excessive result size ({} bytes)", bytes));
}

Span span_of(const CallContext& call, size_t first, size_t size) {
  const auto length = static_cast<int64_t>(size);
  const auto bound = [&](size_t i, int64_t missing) {
    if (!call.has(i) || call[i].is_none()) return missing;
    const int64_t at = call.integer(i);
    return std::clamp<int64_t>(at < 0 ? at + length : at, 0, length);
  };
  Span span;
  span.start = static_cast<size_t>(bound(first, 0));
  span.end = std::max(span.start, static_cast<size_t>(bound(first + 1, length)));
  return span;
}

}  // namespace mishap::starlark
