// The JSON form of events, as traces and bundles carry it.
#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "mishap/event/event.h"

namespace mishap::event {
namespace {

namespace chr = std::chrono;

/// Reads exactly `digits` digits at `at` and moves on.
bool read_digits(std::string_view text, size_t& at, int digits, int& value) {
  value = 0;
  for (int i = 0; i < digits; ++i, ++at) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9') return false;
    value = value * 10 + (text[at] - '0');
  }
  return true;
}

bool read_char(std::string_view text, size_t& at, char wanted) {
  if (at >= text.size() || text[at] != wanted) return false;
  ++at;
  return true;
}

/// Optional fraction of a second, up to nanoseconds; further digits are dropped.
bool read_fraction(std::string_view text, size_t& at, int64_t& nanoseconds) {
  nanoseconds = 0;
  if (at >= text.size() || text[at] != '.') return true;
  size_t start = ++at;
  int64_t scale = 100'000'000;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
    nanoseconds += (text[at] - '0') * scale;
  return at > start;
}

/// "Z" or "+02:00".
bool read_zone(std::string_view text, size_t& at, chr::minutes& offset) {
  offset = chr::minutes(0);
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) return ++at == text.size();
  if (at >= text.size() || (text[at] != '+' && text[at] != '-')) return false;
  int sign = text[at++] == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!read_digits(text, at, 2, hours) || !read_char(text, at, ':') ||
      !read_digits(text, at, 2, minutes))
    return false;
  if (hours > 23 || minutes > 59) return false;
  offset = sign * (chr::hours(hours) + chr::minutes(minutes));
  return at == text.size();
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  size_t at = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int64_t nanoseconds = 0;
  chr::minutes offset{0};
  bool good = read_digits(text, at, 4, year) && read_char(text, at, '-') &&
              read_digits(text, at, 2, month) && read_char(text, at, '-') &&
              read_digits(text, at, 2, day) && read_char(text, at, 'T') &&
              read_digits(text, at, 2, hour) && read_char(text, at, ':') &&
              read_digits(text, at, 2, minute) && read_char(text, at, ':') &&
              read_digits(text, at, 2, second) && read_fraction(text, at, nanoseconds) &&
              read_zone(text, at, offset);
  chr::year_month_day date{chr::year(year), chr::month(month), chr::day(day)};
  // Nanoseconds in 64 bits reach from 1678 to 2261.
  if (!good || !date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 60)
    return std::nullopt;
  return Timestamp(chr::sys_days(date).time_since_epoch() + chr::hours(hour) +
                   chr::minutes(minute) + chr::seconds(second) + chr::nanoseconds(nanoseconds) -
                   offset);
}

tl::unexpected<Error> wrong(std::string_view key, std::string_view wanted) {
  return fail(fmt::format("event: key \"{}\" must be {}", key, wanted));
}

Result<std::string> text_of(const Json& json, const char* key, bool required) {
  auto found = json.find(key);
  if (found == json.end() && !required) return std::string();
  if (found == json.end() || !found->is_string()) return wrong(key, "text");
  return found->get<std::string>();
}

bool is_count(const Json& value) {
  return value.is_number_unsigned() || (value.is_number_integer() && value >= 0);
}

Result<Fields> fields_of(const Json& json) {
  Fields fields;
  auto found = json.find("fields");
  if (found == json.end() || found->is_null()) return fields;
  if (!found->is_object()) return wrong("fields", "an object");
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return wrong("fields." + name, "text");
    fields.set(name, value.get<std::string>());
  }
  return fields;
}

Result<VectorClock> clock_of(const Json& json) {
  VectorClock clock;
  auto found = json.find("vector_clock");
  if (found == json.end() || found->is_null()) return clock;
  if (!found->is_object()) return wrong("vector_clock", "an object");
  for (const auto& [service, count] : found->items()) {
    if (!is_count(count)) return wrong("vector_clock." + service, "a number of events");
    clock[service] = count.get<uint64_t>();
  }
  return clock;
}

}  // namespace

std::string format_timestamp(Timestamp time) {
  auto day = chr::floor<chr::days>(time);
  chr::year_month_day date(day);
  chr::hh_mm_ss clock(chr::duration_cast<chr::nanoseconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Json to_json(const Event& event) {
  Json fields = Json::object();
  for (const auto& [name, value] : event.fields) fields[name] = value;
  Json clock = Json::object();
  for (const auto& [service, count] : event.clock) clock[service] = count;
  Json json = {{"seq", event.seq},
               {"timestamp", format_timestamp(event.timestamp)},
               {"type", event.type},
               {"event_type", event.event_type},
               {"partition_key", event.service},
               {"service", event.service},
               {"fields", std::move(fields)},
               {"vector_clock", std::move(clock)}};
  if (!event.data.is_null()) json["data"] = event.data;
  if (!event.value.is_null()) json["value"] = event.value;
  return json;
}

Result<Event> from_json(const Json& json) {
  if (!json.is_object()) return fail("event: must be an object");
  Event event;
  auto seq = json.find("seq");
  if (seq == json.end() || !is_count(*seq) || *seq == 0) return wrong("seq", "a positive integer");
  event.seq = seq->get<uint64_t>();
  MISHAP_ASSIGN(std::string time, text_of(json, "timestamp", true));
  std::optional<Timestamp> timestamp = parse_timestamp(time);
  if (!timestamp) return wrong("timestamp", "a time such as 2024-01-02T03:04:05.678Z");
  event.timestamp = *timestamp;
  MISHAP_ASSIGN(event.type, text_of(json, "type", true));
  MISHAP_ASSIGN(event.service, text_of(json, "service", false));
  MISHAP_ASSIGN(event.fields, fields_of(json));
  MISHAP_ASSIGN(event.event_type, text_of(json, "event_type", false));
  if (event.event_type.empty()) event.event_type = dotted_type(event.type, event.fields);
  MISHAP_ASSIGN(event.clock, clock_of(json));
  if (auto data = json.find("data"); data != json.end()) event.data = *data;
  if (auto value = json.find("value"); value != json.end()) event.value = *value;
  return event;
}

}  // namespace mishap::event
