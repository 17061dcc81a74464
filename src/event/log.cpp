#include "mishap/event/log.h"

#include "mishap/base/check.h"

namespace mishap::event {
void Log::append(Draft draft) {
  std::unique_lock lock(mutex_);
  if (admit_ && !admit_(draft)) return;
  Event& event = events_.emplace_back();
  event.seq = events_.size();
  event.timestamp = std::chrono::system_clock::now();
  event.event_type = dotted_type(draft.type, draft.fields);
  event.type = std::move(draft.type);
  event.service = std::move(draft.service);
  event.fields = std::move(draft.fields);
  event.data = std::move(draft.data);
  event.value = std::move(draft.value);
  if (!event.service.empty()) {
    VectorClock& own = clocks_[event.service];
    for (const std::string& seen : draft.merges) {
      auto other = clocks_.find(seen);
      if (other != clocks_.end() && seen != event.service) own.merge(other->second);
    }
    if (draft.merges_all) {
      for (const auto& [service, clock] : clocks_) {
        if (service != event.service) own.merge(clock);
      }
    }
    ++own[event.service];
    event.clock = own;
    for (const std::string& service : draft.seen_by) clocks_[service].merge(event.clock);
  }
  last_append_ = std::chrono::steady_clock::now();
  grown_.notify_all();
  deliver(lock);
}

std::deque<Event> Log::restart(Admission admit) {
  std::lock_guard lock(mutex_);
  // Moving a deque moves none of its elements.
  std::deque<Event> old = std::move(events_);
  events_.clear();
  clocks_.clear();
  delivered_ = 0;
  admit_ = std::move(admit);
  last_append_ = std::chrono::steady_clock::now();
  return old;
}

/// One thread at a time delivers, with the lock released during each call. Whoever finds somebody
/// at it leaves: the deliverer looks again after each call, so nothing is left behind, and an
/// append from inside a subscriber cannot wait for itself.
void Log::deliver(std::unique_lock<std::mutex>& lock) {
  if (delivering_ || subscribers_.empty()) return;
  delivering_ = true;
  while (delivered_ < events_.size()) {
    const Event& event = events_[delivered_++];
    lock.unlock();
    for (const Subscriber& subscriber : subscribers_) subscriber(event);
    lock.lock();
  }
  delivering_ = false;
}

void Log::subscribe(Subscriber subscriber) {
  std::lock_guard lock(mutex_);
  MISHAP_CHECK(events_.empty(), "subscribed after {} events", events_.size());
  subscribers_.push_back(std::move(subscriber));
}

size_t Log::size() const {
  std::lock_guard lock(mutex_);
  return events_.size();
}

const Event& Log::at(size_t index) const {
  std::lock_guard lock(mutex_);
  MISHAP_CHECK(index < events_.size(), "event {} of {}", index, events_.size());
  return events_[index];
}

bool Log::wait_beyond(size_t count, std::chrono::steady_clock::time_point deadline) const {
  std::unique_lock lock(mutex_);
  return grown_.wait_until(lock, deadline, [&] { return events_.size() > count; });
}

std::chrono::steady_clock::time_point Log::last_append() const {
  std::lock_guard lock(mutex_);
  return last_append_;
}

}  // namespace mishap::event
