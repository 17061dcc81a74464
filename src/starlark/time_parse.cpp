#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "time_elements.h"
#include "time_layout.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

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
