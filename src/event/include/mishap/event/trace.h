// What had happened when something was asked: the first events of a log.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/event/log.h"

namespace mishap::event {

/// The events 1 to `count` of a log, which outlives it; empty without a log. A plain value.
struct Trace {
  static constexpr size_t kAll = SIZE_MAX;  ///< as a count: all that the log has when it is asked
  const Log* log = nullptr;
  size_t count = 0;

  size_t size() const { return count == kAll && log != nullptr ? log->size() : count; }
  const Event& at(size_t index) const { return log->at(index); }
};

/// Which events of a log match, for who asks the same again and again while the log grows: each
/// event is looked at once for each question. One thread at a time.
class MatchIndex {
 public:
  /// The matches among the first `count` events of `log`, which is the same in each call, in order;
  /// valid until the next call. Equal keys must mean equal answers of `matches`.
  std::span<const Event* const> find(const Log& log, size_t count, const std::string& key,
                                     const std::function<bool(const Event&)>& matches);

 private:
  struct Matches {
    size_t looked_at = 0;
    std::vector<const Event*> found;
  };
  std::unordered_map<std::string, Matches> by_key_;
};

/// The events between two others, these excluded, in order; null leaves that end open.
std::vector<const Event*> events_between(const Trace& trace, const Event* start, const Event* end);

/// The events before `event` in the log that happened before it, in order.
std::vector<const Event*> causal_chain(const Trace& trace, const Event& event);

/// Time from `earlier` to `later`; below 0 when it is the other way round.
Nanoseconds time_between(const Event& earlier, const Event& later);

}  // namespace mishap::event
