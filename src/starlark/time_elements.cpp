#include "time_elements.h"

#include <algorithm>

namespace mishap::starlark {
namespace {

struct Token {
  std::string_view text;
  Part part;
};

// Longer ones before their beginnings.
constexpr Token kTokens[] = {
    {"January", Part::kMonthName}, {"Jan", Part::kMonthShort}, {"Monday", Part::kDayName},
    {"Mon", Part::kDayShort},      {"MST", Part::kZoneName},   {"2006", Part::kYear},
    {"Z07:00:00", Part::kOffset},  {"Z07:00", Part::kOffset},  {"Z070000", Part::kOffset},
    {"Z0700", Part::kOffset},      {"Z07", Part::kOffset},     {"-07:00:00", Part::kOffset},
    {"-07:00", Part::kOffset},     {"-070000", Part::kOffset}, {"-0700", Part::kOffset},
    {"-07", Part::kOffset},        {"002", Part::kYearDay},    {"01", Part::kMonth2},
    {"02", Part::kDay2},           {"03", Part::kHour12Two},   {"04", Part::kMinute2},
    {"05", Part::kSecond2},        {"06", Part::kYear2},       {"15", Part::kHour24},
    {"PM", Part::kNoonUpper},      {"pm", Part::kNoonLower},   {"_2", Part::kDayBlank},
    {"1", Part::kMonth},           {"2", Part::kDay},          {"3", Part::kHour12},
    {"4", Part::kMinute},          {"5", Part::kSecond},
};

}  // namespace

std::optional<Element> fraction_at(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') ||
      (layout[1] != '0' && layout[1] != '9')) {
    return std::nullopt;
  }
  const size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
  if (end < layout.size() && layout[end] >= '0' && layout[end] <= '9') return std::nullopt;
  return Element{layout[1] == '0' ? Part::kFraction : Part::kFractionTrimmed,
                 layout.substr(0, end)};
}

Element next_element(std::string_view layout) {
  const auto special = [](std::string_view rest) -> std::optional<Element> {
    if (auto fraction = fraction_at(rest)) return fraction;
    for (const Token& token : kTokens) {
      if (rest.starts_with("_2006")) return std::nullopt;  // a literal "_", then the year
      if (rest.starts_with(token.text))
        return Element{token.part, rest.substr(0, token.text.size())};
    }
    return std::nullopt;
  };
  if (const auto element = special(layout)) return *element;
  size_t end = 1;
  while (end < layout.size() && !special(layout.substr(end))) ++end;
  return {Part::kLiteral, layout.substr(0, end)};
}

std::string_view field_name(Part part) {
  switch (part) {
    case Part::kMonth:
    case Part::kMonth2:
      return "month";
    case Part::kDay:
    case Part::kDay2:
    case Part::kDayBlank:
      return "day";
    case Part::kYearDay:
      return "day-of-year";
    case Part::kHour24:
    case Part::kHour12:
    case Part::kHour12Two:
      return "hour";
    case Part::kMinute:
    case Part::kMinute2:
      return "minute";
    case Part::kSecond:
    case Part::kSecond2:
      return "second";
    default:
      return "";
  }
}

}  // namespace mishap::starlark
