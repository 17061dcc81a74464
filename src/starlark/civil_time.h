// Moments as calendars and clocks show them, in the proleptic Gregorian calendar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "time_zone.h"

namespace mishap::starlark {

/// A moment, seen from a zone.
struct ZonedTime {
  int64_t seconds = 0;      ///< since 1970
  int32_t nanoseconds = 0;  ///< 0 to 999,999,999
  std::shared_ptr<const TimeZone> zone = TimeZone::utc();
};

/// A moment as calendars and clocks show it. Out of range fields are normalised by from_civil:
/// October 32 is November 1.
struct CivilTime {
  int64_t year = 1970;
  int64_t month = 1;
  int64_t day = 1;
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t nanosecond = 0;
};

CivilTime to_civil(const ZonedTime& time);
ZonedTime from_civil(const CivilTime& civil, std::shared_ptr<const TimeZone> zone);

/// Days from 1970-01-01; `month` and `day` may be any number.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);
/// 0 is Sunday.
size_t week_day(const CivilTime& civil);

}  // namespace mishap::starlark
