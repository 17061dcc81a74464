#include "time_layout.h"

#include <algorithm>

#include <fmt/format.h>

#include "time_elements.h"

namespace mishap::starlark {
namespace {

std::string fraction_text(std::string_view element, int64_t nanosecond, bool trimmed) {
  std::string digits =
      fmt::format("{:09}", nanosecond).substr(0, std::min<size_t>(element.size() - 1, 9));
  if (trimmed) {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) return {};
  }
  return element[0] + digits;
}

// Minutes are shown by "-0700" and longer elements, seconds by "-070000" and "-07:00:00".
std::string offset_text(std::string_view element, int32_t east) {
  if (element[0] == 'Z' && east == 0) return "Z";
  const int32_t size = east < 0 ? -east : east;
  const bool colon = element.find(':') != std::string_view::npos;
  std::string text = fmt::format("{}{:02}", east < 0 ? '-' : '+', size / 3600);
  if (element.size() >= 5) text += fmt::format("{}{:02}", colon ? ":" : "", size / 60 % 60);
  if (element.size() >= 7) text += fmt::format("{}{:02}", colon ? ":" : "", size % 60);
  return text;
}

// The abbreviation, or the offset of a zone that has none.
std::string zone_text(const TimeZone::Offset& offset) {
  if (!offset.abbreviation.empty()) return offset.abbreviation;
  return offset_text(offset.seconds_east % 3600 == 0 ? "-07" : "-0700", offset.seconds_east);
}

std::string part_text(const Element& element, const CivilTime& c, const TimeZone::Offset& offset) {
  const int64_t hour12 = c.hour % 12 == 0 ? 12 : c.hour % 12;
  const auto month = static_cast<size_t>(c.month - 1);
  switch (element.part) {
    case Part::kLiteral:
      return std::string(element.text);
    case Part::kMonthName:
      return std::string(kMonths[month]);
    case Part::kMonthShort:
      return std::string(kMonths[month].substr(0, 3));
    case Part::kMonth:
      return fmt::format("{}", c.month);
    case Part::kMonth2:
      return fmt::format("{:02}", c.month);
    case Part::kDayName:
      return std::string(kDays[week_day(c)]);
    case Part::kDayShort:
      return std::string(kDays[week_day(c)].substr(0, 3));
    case Part::kDay:
      return fmt::format("{}", c.day);
    case Part::kDayBlank:
      return fmt::format("{:2}", c.day);
    case Part::kDay2:
      return fmt::format("{:02}", c.day);
    case Part::kYearDay:
      return fmt::format(
          "{:03}", days_from_civil(c.year, c.month, c.day) - days_from_civil(c.year, 1, 1) + 1);
    case Part::kHour24:
      return fmt::format("{:02}", c.hour);
    case Part::kHour12:
      return fmt::format("{}", hour12);
    case Part::kHour12Two:
      return fmt::format("{:02}", hour12);
    case Part::kMinute:
      return fmt::format("{}", c.minute);
    case Part::kMinute2:
      return fmt::format("{:02}", c.minute);
    case Part::kSecond:
      return fmt::format("{}", c.second);
    case Part::kSecond2:
      return fmt::format("{:02}", c.second);
    case Part::kYear:
      return fmt::format("{:04}", c.year);
    case Part::kYear2:
      return fmt::format("{:02}", (c.year % 100 + 100) % 100);
    case Part::kNoonUpper:
      return c.hour >= 12 ? "PM" : "AM";
    case Part::kNoonLower:
      return c.hour >= 12 ? "pm" : "am";
    case Part::kZoneName:
      return zone_text(offset);
    case Part::kOffset:
      return offset_text(element.text, offset.seconds_east);
    case Part::kFraction:
      return fraction_text(element.text, c.nanosecond, false);
    case Part::kFractionTrimmed:
      return fraction_text(element.text, c.nanosecond, true);
  }
  return {};
}

}  // namespace

std::string format_time(const ZonedTime& time, std::string_view layout) {
  const CivilTime civil = to_civil(time);
  const TimeZone::Offset& offset = time.zone->at(time.seconds);
  std::string out;
  while (!layout.empty()) {
    const Element element = next_element(layout);
    out += part_text(element, civil, offset);
    layout.remove_prefix(element.text.size());
  }
  return out;
}

}  // namespace mishap::starlark
