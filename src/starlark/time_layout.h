// Times as text by example: a layout shows how the reference time Mon Jan 2 15:04:05 MST 2006 would
// be written.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mishap/base/result.h"

#include "civil_time.h"

namespace mishap::starlark {

std::string format_time(const ZonedTime& time, std::string_view layout);
/// A text without a zone of its own is in `zone`. Error: `parsing time "x" as "y": cannot parse "x"
/// as "2006"`.
Result<ZonedTime> parse_time(std::string_view text, std::string_view layout,
                             std::shared_ptr<const TimeZone> zone);

}  // namespace mishap::starlark
