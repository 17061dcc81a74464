#include "mishap/event/trace.h"

#include <algorithm>

namespace mishap::event {
namespace {

/// Questions that name what changes all the time are not asked again.
constexpr size_t kMostKeys = 256;

}  // namespace

std::span<const Event* const> MatchIndex::find(const Log& log, size_t count, const std::string& key,
                                               const std::function<bool(const Event&)>& matches) {
  if (by_key_.size() >= kMostKeys && !by_key_.contains(key)) by_key_.clear();
  Matches& known = by_key_[key];
  for (; known.looked_at < count; ++known.looked_at) {
    const Event& event = log.at(known.looked_at);
    if (matches(event)) known.found.push_back(&event);
  }
  // Somebody may ask about less than before.
  auto end = std::upper_bound(known.found.begin(), known.found.end(), count,
                              [](size_t most, const Event* event) { return most < event->seq; });
  return {known.found.data(), static_cast<size_t>(end - known.found.begin())};
}

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
