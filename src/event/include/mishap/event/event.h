// The event: one thing that happened in a cell. Monitors, assertions, verdicts and reports all read
// events and nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/json.h"

namespace mishap::event {

using Timestamp = std::chrono::system_clock::time_point;  ///< wall clock, nanoseconds

/// Service -> number of events of that service known at this point; 0 for one that is not named.
/// Every event has one, of a few entries: they lie side by side, in order of names.
class VectorClock {
 public:
  using Item = std::pair<std::string, uint64_t>;
  VectorClock() = default;
  VectorClock(std::initializer_list<Item> items);
  uint64_t& operator[](std::string_view service);  ///< adds it when it is not named
  uint64_t known(std::string_view service) const;
  /// Takes over what `other` knows beyond this.
  void merge(const VectorClock& other);
  bool empty() const { return items_.empty(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  bool operator==(const VectorClock&) const = default;

 private:
  std::vector<Item> items_;
};

/// Field name -> text, in the order in which they were given. Small; looked up linearly.
class Fields {
 public:
  using Item = std::pair<std::string, std::string>;
  Fields() = default;
  Fields(std::initializer_list<Item> items) : items_(items) {}
  void reserve(size_t count) { items_.reserve(count); }
  void set(std::string_view name, std::string value);  ///< replaces an existing one, else appends
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name) const;  ///< "" when absent
  bool empty() const { return items_.empty(); }
  size_t size() const { return items_.size(); }
  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  bool operator==(const Fields&) const = default;

 private:
  std::vector<Item> items_;
};

/// What an emitter hands to the log; the log adds sequence number, time and clock.
struct Draft {
  std::string type;     ///< "syscall", "stdout", "step_recv", …
  std::string service;  ///< "test" for the driver; may be empty
  Fields fields;
  Json data;   ///< typed content where the source had types; null: `data` is the dict of fields
  Json value;  ///< typed copy where `data` holds text only (topic, wal); null otherwise
  /// Services whose clocks this event has seen (a step merges driver and target, a relayed reply
  /// its peer).
  std::vector<std::string> merges;
  /// All of them instead: a service that talks to the world may have learnt anything.
  bool merges_all = false;
  /// Services that from here on have seen this event: what they do later happens after it.
  std::vector<std::string> seen_by;
};

struct Event {
  uint64_t seq = 0;  ///< 1-based within a cell
  Timestamp timestamp;
  std::string type;
  std::string event_type;  ///< dotted refinement: "syscall.write", "lifecycle.ready",
                           ///< "step_send.db"; else = type
  std::string service;
  Fields fields;
  Json data;
  Json value;
  VectorClock clock;
};

/// "syscall.write" for events with a field `syscall`, "lifecycle.started|ready",
/// "step_send.<target>" and its like; else type.
std::string dotted_type(std::string_view type, const Fields& fields);

/// a happened before b: every component of a's clock <= b's and one is less; false when both are
/// empty.
bool happens_before(const Event& a, const Event& b);

/// RFC 3339 with nanoseconds, UTC.
std::string format_timestamp(Timestamp time);

/// The reference's JSON form: seq timestamp type event_type partition_key service fields
/// vector_clock, plus `data`/`value` when they hold more than the fields. `from_json` reads it
/// back, unchanged, and names the key that is wrong.
Json to_json(const Event& event);
Result<Event> from_json(const Json& json);

}  // namespace mishap::event
