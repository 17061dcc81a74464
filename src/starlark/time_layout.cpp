#include "time_layout.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "utf8.h"

namespace mishap::starlark {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};

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

// ".000" or ",999": digits of the second, when no other digit follows.
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

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Days since 1970, any month or day number. Proleptic Gregorian, after Howard Hinnant's
// days_from_civil.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day) {
  year += floor_div(month - 1, 12);
  month = month - 1 - floor_div(month - 1, 12) * 12 + 1;
  year -= month <= 2 ? 1 : 0;
  const int64_t era = floor_div(year, 400);
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

void set_date(CivilTime& civil, int64_t days) {
  days += 719468;
  const int64_t era = floor_div(days, 146097);
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  civil.day = day_of_year - (153 * shifted + 2) / 5 + 1;
  civil.month = shifted < 10 ? shifted + 3 : shifted - 9;
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
}

size_t week_day(const CivilTime& civil) {
  const int64_t days =
      days_from_civil(civil.year, civil.month, civil.day) + 4;  // 1970-01-01 was a Thursday
  return static_cast<size_t>(days - floor_div(days, 7) * 7);
}

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

// What errors call a field that is a number by itself; "" for the others.
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

// Reads one text by one layout.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  /// Whether the number that read() refused last was one, but too large or too small.
  bool out_of_range() const { return out_of_range_; }

  bool read(const Element& element, std::string_view layout_after) {
    switch (element.part) {
      case Part::kLiteral:
        return literal(element.text);
      case Part::kMonthName:
        return name(kMonths, 99, civil_.month, 1);
      case Part::kMonthShort:
        return name(kMonths, 3, civil_.month, 1);
      case Part::kDayName:
        return name(kDays, 99, ignored_, 0);
      case Part::kDayShort:
        return name(kDays, 3, ignored_, 0);
      case Part::kMonth:
        return number(1, 2, 1, 12, civil_.month);
      case Part::kMonth2:
        return number(2, 2, 1, 12, civil_.month);
      case Part::kDayBlank:
        if (rest_.starts_with(' ')) rest_.remove_prefix(1);
        return number(1, 2, 1, 31, civil_.day);
      case Part::kDay:
        return number(1, 2, 1, 31, civil_.day);
      case Part::kDay2:
        return number(2, 2, 1, 31, civil_.day);
      case Part::kYearDay:
        civil_.month = 1;
        return number(3, 3, 1, 366, civil_.day);
      case Part::kHour24:
        return number(2, 2, 0, 23, civil_.hour);
      case Part::kHour12:
        return number(1, 2, 0, 12, civil_.hour);
      case Part::kHour12Two:
        return number(2, 2, 0, 12, civil_.hour);
      case Part::kMinute:
        return number(1, 2, 0, 59, civil_.minute);
      case Part::kMinute2:
        return number(2, 2, 0, 59, civil_.minute);
      case Part::kSecond:
        return second(1, layout_after);
      case Part::kSecond2:
        return second(2, layout_after);
      case Part::kYear:
        return number(4, 4, 0, 9999, civil_.year);
      case Part::kYear2:
        return short_year();
      case Part::kNoonUpper:
        return noon("AM", "PM");
      case Part::kNoonLower:
        return noon("am", "pm");
      case Part::kZoneName:
        return zone_name();
      case Part::kOffset:
        return offset(element.text);
      case Part::kFraction:
        return fraction(element.text.size());
      case Part::kFractionTrimmed:
        return rest_.find_first_of(".,") != 0 || fraction(0);
    }
    return false;
  }

  /// Null when the date does not exist.
  std::optional<ZonedTime> result(std::shared_ptr<const TimeZone> zone) {
    if (after_noon_ == 1 && civil_.hour < 12) civil_.hour += 12;
    if (after_noon_ == 0 && civil_.hour == 12) civil_.hour = 0;
    if (offset_)
      zone =
          *offset_ == 0 && !has_name_ ? TimeZone::utc() : TimeZone::fixed(*offset_, abbreviation_);
    if (!offset_ && abbreviation_ == "UTC") zone = TimeZone::utc();
    const int64_t month_days = days_from_civil(civil_.year, civil_.month + 1, 1) -
                               days_from_civil(civil_.year, civil_.month, 1);
    if (civil_.month != 1 && civil_.day > month_days) return std::nullopt;
    return from_civil(civil_, std::move(zone));
  }

 private:
  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  template <size_t N>
  bool name(const std::array<std::string_view, N>& names, size_t size, int64_t& out, int64_t base) {
    for (size_t i = 0; i < N; ++i) {
      if (!literal(names[i].substr(0, size))) continue;
      out = static_cast<int64_t>(i) + base;
      return true;
    }
    return false;
  }

  bool number(size_t least, size_t most, int64_t low, int64_t high, int64_t& out) {
    size_t size = 0;
    int64_t value = 0;
    while (size < most && size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9') {
      value = value * 10 + (rest_[size++] - '0');
    }
    out_of_range_ = size >= least && (value < low || value > high);
    if (size < least || out_of_range_) return false;
    rest_.remove_prefix(size);
    out = value;
    return true;
  }

  // A fraction may follow the seconds though the layout shows none.
  bool second(size_t digits, std::string_view layout_after) {
    if (!number(digits, 2, 0, 59, civil_.second)) return false;
    const bool point = rest_.size() >= 2 && (rest_[0] == '.' || rest_[0] == ',') &&
                       rest_[1] >= '0' && rest_[1] <= '9';
    if (!point || fraction_at(layout_after)) return true;
    return fraction(0);
  }

  // A point and digits; `size` characters, or all there are when 0.
  bool fraction(size_t size) {
    const size_t end = std::min(rest_.find_first_not_of("0123456789", 1), rest_.size());
    if (rest_.empty() || (rest_[0] != '.' && rest_[0] != ',') || end < 2) return false;
    if (size == 0) size = end;
    if (size > end) return false;
    std::string digits(rest_.substr(1, std::min<size_t>(size - 1, 9)));
    digits.resize(9, '0');
    civil_.nanosecond = std::stoll(digits);
    rest_.remove_prefix(size);
    return true;
  }

  bool short_year() {
    if (!number(2, 2, 0, 99, civil_.year)) return false;
    civil_.year += civil_.year >= 69 ? 1900 : 2000;
    return true;
  }

  bool noon(std::string_view before, std::string_view after) {
    after_noon_ = rest_.starts_with(after) ? 1 : 0;
    return literal(after_noon_ == 1 ? after : before);
  }

  bool zone_name() {
    size_t size = 0;
    while (size < rest_.size() && size < 5 && rest_[size] >= 'A' && rest_[size] <= 'Z') ++size;
    if (size < 3) return false;
    abbreviation_ = rest_.substr(0, size);
    has_name_ = true;
    rest_.remove_prefix(size);
    return true;
  }

  bool offset(std::string_view element) {
    if (element[0] == 'Z' && literal("Z")) {
      offset_ = 0;
      return true;
    }
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return false;
    const int32_t sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    const bool colon = element.find(':') != std::string_view::npos;
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    if (!number(2, 2, 0, 24, hours)) return false;
    if (element.size() >= 5 && !((!colon || literal(":")) && number(2, 2, 0, 59, minutes)))
      return false;
    if (element.size() >= 7 && !((!colon || literal(":")) && number(2, 2, 0, 59, seconds)))
      return false;
    offset_ = sign * static_cast<int32_t>(hours * 3600 + minutes * 60 + seconds);
    return true;
  }

  std::string_view rest_;
  CivilTime civil_{.year = 0};
  std::optional<int32_t> offset_;
  std::string abbreviation_;
  bool has_name_ = false;
  bool out_of_range_ = false;
  int after_noon_ = -1;
  int64_t ignored_ = 0;
};

}  // namespace

CivilTime to_civil(const ZonedTime& time) {
  const int64_t local = time.seconds + time.zone->at(time.seconds).seconds_east;
  const int64_t days = floor_div(local, 86400);
  const int64_t second = local - days * 86400;
  CivilTime civil{.hour = second / 3600,
                  .minute = second / 60 % 60,
                  .second = second % 60,
                  .nanosecond = time.nanoseconds};
  set_date(civil, days);
  return civil;
}

ZonedTime from_civil(const CivilTime& civil, std::shared_ptr<const TimeZone> zone) {
  const int64_t carried = floor_div(civil.nanosecond, 1'000'000'000);
  const int64_t local = days_from_civil(civil.year, civil.month, civil.day) * 86400 +
                        civil.hour * 3600 + civil.minute * 60 + civil.second + carried;
  return {zone->to_unix(local), static_cast<int32_t>(civil.nanosecond - carried * 1'000'000'000),
          std::move(zone)};
}

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

Result<ZonedTime> parse_time(std::string_view text, std::string_view layout,
                             std::shared_ptr<const TimeZone> zone) {
  const auto error = [text](std::string_view what) {
    return fail(fmt::format("parsing time {}{}", quote(text), what));
  };
  TimeReader reader(text);
  for (std::string_view rest = layout; !rest.empty();) {
    const Element element = next_element(rest);
    rest.remove_prefix(element.text.size());
    if (reader.read(element, rest)) continue;
    const std::string_view field = field_name(element.part);
    if (reader.out_of_range() && !field.empty())
      return error(fmt::format(": {} out of range", field));
    return error(fmt::format(" as {}: cannot parse {} as {}", quote(layout), quote(reader.rest()),
                             quote(element.text)));
  }
  if (!reader.rest().empty()) return error(fmt::format(": extra text: {}", quote(reader.rest())));
  auto time = reader.result(std::move(zone));
  if (!time) return error(": day out of range");
  return *time;
}

}  // namespace mishap::starlark
