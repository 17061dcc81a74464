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

Result<Span> span_of(const CallContext& call, size_t first, size_t size) {
  const auto length = static_cast<int64_t>(size);
  const auto bound = [&](size_t i, int64_t missing, const char* what) -> Result<int64_t> {
    if (!call.has(i) || call[i].is_none()) return missing;
    if (!call[i].is_int()) {
      return call.error(
          fmt::format("invalid {} index: got {}, want int", what, type_name(call[i])));
    }
    const int64_t at = call.integer(i);
    return std::clamp<int64_t>(at < 0 ? at + length : at, 0, length);
  };
  MISHAP_ASSIGN(const int64_t start, bound(first, 0, "start"));
  MISHAP_ASSIGN(const int64_t end, bound(first + 1, length, "end"));
  return Span{static_cast<size_t>(start), static_cast<size_t>(std::max(start, end))};
}

}  // namespace mishap::starlark
