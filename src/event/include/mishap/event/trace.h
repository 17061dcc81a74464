// What had happened when something was asked: the first events of a log.
#pragma once

#include <cstdint>
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

/// The events between two others, these excluded, in order; null leaves that end open.
std::vector<const Event*> events_between(const Trace& trace, const Event* start, const Event* end);

/// The events before `event` in the log that happened before it, in order.
std::vector<const Event*> causal_chain(const Trace& trace, const Event& event);

/// Time from `earlier` to `later`; below 0 when it is the other way round.
Nanoseconds time_between(const Event& earlier, const Event& later);

}  // namespace mishap::event
