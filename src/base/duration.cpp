#include "mishap/base/duration.h"

#include <array>
#include <cctype>
#include <cstdint>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};

// Both micro signs: U+00B5 and the Greek letter U+03BC. Longest first, so that "ms" is not read as
// "m".
constexpr std::array<Unit, 9> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"\u03bcs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"", 0}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Integer and fraction of one number; the fraction is kept to 18 digits, far below a nanosecond of
// an hour.
struct Number {
  uint64_t whole = 0;
  uint64_t fraction = 0;
  uint64_t scale = 1;
};

constexpr uint64_t kMaxWhole = std::numeric_limits<int64_t>::max();

enum class Problem { none, no_number, no_unit, unknown_unit, too_long };

Problem read_number(std::string_view& text, Number& number) {
  bool any = false;
  while (!text.empty() && is_digit(text.front())) {
    any = true;
    uint64_t digit = text.front() - '0';
    if (number.whole > (kMaxWhole - digit) / 10) return Problem::too_long;
    number.whole = number.whole * 10 + digit;
    text.remove_prefix(1);
  }
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    while (!text.empty() && is_digit(text.front())) {
      any = true;
      if (number.scale < 1'000'000'000'000'000'000ULL) {
        number.fraction = number.fraction * 10 + (text.front() - '0');
        number.scale *= 10;
      }
      text.remove_prefix(1);
    }
  }
  return any ? Problem::none : Problem::no_number;
}

const Unit* read_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (unit.nanoseconds != 0 && text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

Problem read_all(std::string_view text, int64_t& total) {
  total = 0;
  do {
    Number number;
    if (Problem problem = read_number(text, number); problem != Problem::none) return problem;
    const Unit* unit = read_unit(text);
    if (unit == nullptr) return text.empty() ? Problem::no_unit : Problem::unknown_unit;
    __extension__ using Wide = unsigned __int128;
    Wide part = Wide(number.whole) * unit->nanoseconds +
                Wide(number.fraction) * unit->nanoseconds / number.scale;
    if (part > kMaxWhole || kMaxWhole - total < part) return Problem::too_long;
    total += static_cast<int64_t>(part);
  } while (!text.empty());
  return Problem::none;
}

std::string_view explain(Problem problem) {
  switch (problem) {
    case Problem::no_unit:
      return "a number needs a unit, as in \"500ms\" or \"2s\"";
    case Problem::unknown_unit:
      return "the units are ns, us, ms, s, m and h, as in \"500ms\" or \"1m30s\"";
    case Problem::too_long:
      return "longer than 292 years";
    case Problem::no_number:
    case Problem::none:
      break;
  }
  return "expected a number and a unit, as in \"500ms\" or \"1m30s\"";
}

// `value` in units of `unit` nanoseconds, with as many decimals as it needs.
std::string decimal(uint64_t value, uint64_t unit) {
  std::string text = std::to_string(value / unit);
  if (uint64_t rest = value % unit; rest != 0) {
    int digits = unit == 1'000'000'000 ? 9 : unit == 1'000'000 ? 6 : 3;
    std::string fraction = fmt::format("{:0{}}", rest, digits);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += "." + fraction;
  }
  return text;
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
  std::string_view rest = trim(text);
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Nanoseconds(0);
  int64_t total = 0;
  if (Problem problem = rest.empty() ? Problem::no_number : read_all(rest, total);
      problem != Problem::none) {
    return fail(fmt::format("bad duration \"{}\": {}", text, explain(problem)));
  }
  return Nanoseconds(negative ? -total : total);
}

std::string format_duration(Nanoseconds duration) {
  int64_t count = duration.count();
  if (count == 0) return "0s";
  std::string sign = count < 0 ? "-" : "";
  uint64_t value = count < 0 ? 0 - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
  if (value < 1'000) return fmt::format("{}{}ns", sign, value);
  if (value < 1'000'000) return sign + decimal(value, 1'000) + "\u00b5s";
  if (value < 1'000'000'000) return sign + decimal(value, 1'000'000) + "ms";
  constexpr uint64_t kMinute = 60'000'000'000;
  uint64_t minutes = value / kMinute;
  std::string seconds = decimal(value % kMinute, 1'000'000'000) + "s";
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return fmt::format("{}{}m{}", sign, minutes, seconds);
  return fmt::format("{}{}h{}m{}", sign, minutes / 60, minutes % 60, seconds);
}

}  // namespace mishap
