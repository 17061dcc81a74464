#include "civil_time.h"

#include <utility>

namespace mishap::starlark {
namespace {

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

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

}  // namespace

// After Howard Hinnant's days_from_civil.
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

size_t week_day(const CivilTime& civil) {
  const int64_t days =
      days_from_civil(civil.year, civil.month, civil.day) + 4;  // 1970-01-01 was a Thursday
  return static_cast<size_t>(days - floor_div(days, 7) * 7);
}

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

}  // namespace mishap::starlark
