// What the layout of a time consists of.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace mishap::starlark {

inline constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
inline constexpr std::array<std::string_view, 7> kDays = {
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum class Part {
  kLiteral,
  kMonthName,
  kMonthShort,
  kMonth,
  kMonth2,
  kDayName,
  kDayShort,
  kDay,
  kDayBlank,
  kDay2,
  kYearDay,
  kHour24,
  kHour12,
  kHour12Two,
  kMinute,
  kMinute2,
  kSecond,
  kSecond2,
  kYear,
  kYear2,
  kNoonUpper,
  kNoonLower,
  kZoneName,
  kOffset,
  kFraction,
  kFractionTrimmed,
};

struct Element {
  Part part;
  std::string_view text;  // as the layout has it
};

/// ".000" or ",999": digits of the second, when no other digit follows.
std::optional<Element> fraction_at(std::string_view layout);
/// The first of a layout that is not empty; a literal goes up to the next that is none.
Element next_element(std::string_view layout);
/// What errors call an element that is a number by itself; "" for the others.
std::string_view field_name(Part part);

}  // namespace mishap::starlark
