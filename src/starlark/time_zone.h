// Time zones, read from the system's compiled zone files (tzfile(5)).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::starlark {

class TimeZone {
 public:
  struct Offset {
    int32_t seconds_east = 0;
    std::string abbreviation;  ///< "CET"; may be empty
  };

  static std::shared_ptr<const TimeZone> utc();
  static std::shared_ptr<const TimeZone> fixed(int32_t seconds_east, std::string abbreviation);
  /// "" and "UTC" are UTC, "Local" is the machine's, all else a name such as "Europe/Berlin".
  /// Error: "unknown time zone NAME".
  static Result<std::shared_ptr<const TimeZone>> load(std::string_view name);

  /// What holds at that moment. Beyond the file's table (2037 in Debian's) the last known offset
  /// goes on.
  const Offset& at(int64_t unix_seconds) const;
  /// The moment at which clocks show `local_seconds` (seconds since 1970 as if in UTC). Of two the
  /// first; in a gap, as if the clock had not yet been moved.
  int64_t to_unix(int64_t local_seconds) const;
  const std::string& name() const { return name_; }

 private:
  friend class ZoneFile;
  struct Transition {
    int64_t since;
    size_t offset;
  };
  std::string name_;
  std::vector<Offset> offsets_;
  std::vector<Transition> transitions_;
  size_t first_offset_ = 0;
};

}  // namespace mishap::starlark
