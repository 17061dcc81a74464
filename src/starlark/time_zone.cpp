#include "time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace mishap::starlark {

// The format of tzfile(5): a header, a block with 32-bit times, and from version 2 the same again
// with 64-bit times.
class ZoneFile {
 public:
  explicit ZoneFile(std::string_view data) : data_(data) {}

  // Null when it is no zone file.
  std::shared_ptr<TimeZone> read() {
    if (!read_header()) return nullptr;
    if (version_ >= '2') {
      at_ += counts_[kTimes] * 5 + counts_[kTypes] * 6 + counts_[kChars] + counts_[kLeaps] * 8 +
             counts_[kStandard] + counts_[kUt];
      if (!read_header()) return nullptr;
      time_size_ = 8;
    }
    return read_block();
  }

 private:
  enum Count { kUt, kStandard, kLeaps, kTimes, kTypes, kChars };

  int64_t number(size_t at, size_t size) const {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i)
      value = value << 8 | static_cast<unsigned char>(data_[at + i]);
    return size == 4 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  }

  bool read_header() {
    constexpr size_t kSize = 44;
    if (at_ > data_.size() || data_.size() - at_ < kSize || data_.substr(at_, 4) != "TZif")
      return false;
    version_ = data_[at_ + 4];
    for (size_t i = 0; i < 6; ++i) {
      const int64_t count = number(at_ + 20 + i * 4, 4);
      if (count < 0 || count > 100'000) return false;
      counts_[i] = static_cast<size_t>(count);
    }
    at_ += kSize;
    return true;
  }

  std::shared_ptr<TimeZone> read_block() const {
    const size_t times = at_;
    const size_t indexes = times + counts_[kTimes] * time_size_;
    const size_t types = indexes + counts_[kTimes];
    const size_t chars = types + counts_[kTypes] * 6;
    if (chars + counts_[kChars] > data_.size() || counts_[kTypes] == 0) return nullptr;
    auto zone = std::make_shared<TimeZone>();
    for (size_t i = 0; i < counts_[kTypes]; ++i) {
      const size_t at = types + i * 6;
      const auto name = static_cast<unsigned char>(data_[at + 5]);
      if (name >= counts_[kChars]) return nullptr;
      std::string_view text = data_.substr(chars + name, counts_[kChars] - name);
      zone->offsets_.push_back(
          {static_cast<int32_t>(number(at, 4)), std::string(text.substr(0, text.find('\0')))});
    }
    for (size_t i = 0; i < counts_[kTimes]; ++i) {
      const auto type = static_cast<unsigned char>(data_[indexes + i]);
      if (type >= counts_[kTypes]) return nullptr;
      zone->transitions_.push_back({number(times + i * time_size_, time_size_), type});
    }
    return zone;
  }

  friend class TimeZone;
  static void set_name(TimeZone& zone, std::string_view name) { zone.name_ = name; }

  std::string_view data_;
  size_t at_ = 0;
  size_t time_size_ = 4;
  char version_ = 0;
  size_t counts_[6] = {};
};

std::shared_ptr<const TimeZone> TimeZone::fixed(int32_t seconds_east, std::string abbreviation) {
  auto zone = std::make_shared<TimeZone>();
  zone->name_ = abbreviation;
  zone->offsets_.push_back({seconds_east, std::move(abbreviation)});
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::utc() {
  static const auto zone = fixed(0, "UTC");
  return zone;
}

Result<std::shared_ptr<const TimeZone>> TimeZone::load(std::string_view name) {
  if (name.empty() || name == "UTC") return utc();
  std::string path = fmt::format("/usr/share/zoneinfo/{}", name);
  if (name == "Local") path = "/etc/localtime";
  const auto unknown = [&] { return fail(fmt::format("unknown time zone {}", name)); };
  // A name is no way out of the folder.
  if (name.find("..") != std::string_view::npos || name.front() == '/' ||
      name.find('\0') != std::string_view::npos) {
    return unknown();
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream data;
  data << file.rdbuf();
  const std::string bytes = data.str();
  auto zone = ZoneFile(bytes).read();
  if (!zone && name == "Local") return utc();
  if (!zone) return unknown();
  ZoneFile::set_name(*zone, name);
  return zone;
}

const TimeZone::Offset& TimeZone::at(int64_t unix_seconds) const {
  const auto after =
      std::upper_bound(transitions_.begin(), transitions_.end(), unix_seconds,
                       [](int64_t time, const Transition& t) { return time < t.since; });
  return offsets_[after == transitions_.begin() ? first_offset_ : std::prev(after)->offset];
}

int64_t TimeZone::to_unix(int64_t local_seconds) const {
  // The offset a day before is right, or that a day after is, unless the time is skipped.
  constexpr int64_t kDay = 86400;
  const int64_t before = local_seconds - at(local_seconds - kDay).seconds_east;
  if (before + at(before).seconds_east == local_seconds) return before;
  const int64_t after = local_seconds - at(local_seconds + kDay).seconds_east;
  if (after + at(after).seconds_east == local_seconds) return after;
  return before;
}

}  // namespace mishap::starlark
