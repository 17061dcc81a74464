// What the codec's files share.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mishap::protocols::redis {

inline constexpr size_t kLineLimitBytes = 64 * 1024;  // of the server's own inline limit
inline constexpr uint64_t kStringLimitBytes = uint64_t{1} << 40;
inline constexpr size_t kDepthLimit = 128;  // of nested values

inline std::optional<int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

inline std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace mishap::protocols::redis
