// Times as text by example: a layout shows how the reference time Mon Jan 2 15:04:05 MST 2006 would
// be written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "mishap/base/result.h"

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

std::string format_time(const ZonedTime& time, std::string_view layout);
/// A text without a zone of its own is in `zone`. Error: `parsing time "x" as "y": cannot parse "x"
/// as "2006"`.
Result<ZonedTime> parse_time(std::string_view text, std::string_view layout,
                             std::shared_ptr<const TimeZone> zone);

}  // namespace mishap::starlark
