#include "values.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace mishap::protocols::postgres {
namespace {

// src/include/catalog/pg_type.dat of PostgreSQL; these never change.
constexpr unsigned kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kOid = 26;
constexpr unsigned kFloat4 = 700, kFloat8 = 701;
constexpr unsigned kDate = 1082, kTimestamp = 1114, kTimestampTz = 1184;

Json number(std::string_view text) {
  const std::string terminated(text);
  const double value = std::strtod(terminated.c_str(), nullptr);
  return std::isfinite(value) ? Json(value) : Json(terminated);
}

Json integer(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return Json(std::string(text));
  return Json(value);
}

bool is_iso_date(std::string_view text) {
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return false;
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

/// "2024-01-02 03:04:05.5+02" → "2024-01-02T03:04:05.5+02:00". Infinity, years past 9999 and BC
/// stay as they are.
std::string rfc3339(unsigned type, std::string_view text) {
  std::string out(text);
  if (!is_iso_date(text) || text.ends_with("BC")) return out;
  if (type == kDate) return text.size() == 10 ? out + "T00:00:00Z" : out;
  if (text.size() < 19 || text[10] != ' ') return out;
  out[10] = 'T';
  const size_t zone = out.find_first_of("+-", 19);
  if (zone == std::string::npos) return out + "Z";
  const std::string offset = out.substr(zone);
  if (offset == "+00") return out.substr(0, zone) + "Z";
  return offset.size() == 3 ? out + ":00" : out;
}

}  // namespace

Json value_of(unsigned type, std::string_view text) {
  switch (type) {
    case kBool:
      return Json(text == "t");
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
      return integer(text);
    case kFloat4:
    case kFloat8:
      return number(text);
    case kDate:
    case kTimestamp:
    case kTimestampTz:
      return Json(rfc3339(type, text));
    default:
      return Json(std::string(text));
  }
}

}  // namespace mishap::protocols::postgres
