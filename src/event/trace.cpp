#include "mishap/event/trace.h"

#include <algorithm>

namespace mishap::event {

std::vector<const Event*> events_between(const Trace& trace, const Event* start, const Event* end) {
  size_t from = start == nullptr ? 0 : start->seq;  // seq is one more than the index
  size_t to = end == nullptr ? trace.size() : std::min<size_t>(trace.size(), end->seq - 1);
  std::vector<const Event*> found;
  for (size_t i = from; i < to; ++i) found.push_back(&trace.at(i));
  return found;
}

std::vector<const Event*> causal_chain(const Trace& trace, const Event& event) {
  std::vector<const Event*> found;
  size_t earlier = std::min<size_t>(trace.size(), event.seq - 1);
  for (size_t i = 0; i < earlier; ++i) {
    if (happens_before(trace.at(i), event)) found.push_back(&trace.at(i));
  }
  return found;
}

Nanoseconds time_between(const Event& earlier, const Event& later) {
  return std::chrono::duration_cast<Nanoseconds>(later.timestamp - earlier.timestamp);
}

}  // namespace mishap::event
