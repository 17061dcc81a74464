#include "float_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace mishap::starlark {
namespace {

// std::to_chars gives the shortest digits; only the layout differs from what the language wants.
std::string shortest(double value) {
  char buffer[40];
  auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t mark = text.find('e');
  int exponent = 0;
  const char* digits = text.data() + mark + 1;
  std::from_chars(*digits == '+' ? digits + 1 : digits, end, exponent);
  if (exponent < -4 || exponent >= 6) return std::string(text);
  end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
  std::string plain(buffer, end);
  if (plain.find('.') == std::string::npos) plain += ".0";
  return plain;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<double> parse_special(std::string_view unsigned_text) {
  const std::string lower = lower_case(unsigned_text);
  if (lower == "inf" || lower == "infinity") return std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// std::from_chars says "out of range" both for what is too large and for what is too small; the
// latter is zero. The decimal exponent of the first significant digit tells them apart.
bool is_tiny(std::string_view text) {
  const size_t mark = std::min(text.find_first_of("eE"), text.size());
  long exponent = 0;
  if (mark < text.size()) {
    std::string_view digits = text.substr(mark + 1);
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (read.ec == std::errc::result_out_of_range) return negative;
    if (negative) exponent = -exponent;
  }
  const std::string_view mantissa = text.substr(0, mark);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  if (first == std::string_view::npos) return true;
  return static_cast<long>(point) - static_cast<long>(first) + exponent < 0;
}

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "+inf" : "-inf";
  return shortest(value);
}

std::string float_text(double value, char conversion) {
  if (!std::isfinite(value)) return float_text(value);
  switch (conversion) {
    case 'e':
      return fmt::format("{:.6e}", value);
    case 'E':
      return fmt::format("{:.6E}", value);
    case 'f':
    case 'F':
      return fmt::format("{:.6f}", value);
    default:
      break;
  }
  std::string text = shortest(value);
  if (conversion == 'G') std::replace(text.begin(), text.end(), 'e', 'E');
  return text;
}

std::optional<double> parse_float(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  double value = 0;
  if ((text[0] >= '0' && text[0] <= '9') || text[0] == '.') {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) {
      if (!is_tiny(text)) return std::nullopt;
      value = 0;
    } else if (error != std::errc()) {
      return std::nullopt;
    }
  } else if (auto special = parse_special(text)) {
    value = *special;
  } else {
    return std::nullopt;
  }
  return negative ? -value : value;
}

}  // namespace mishap::starlark
