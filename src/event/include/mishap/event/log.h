// The append-only log of one test; a lane (a cell that runs several) begins it anew for each.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "mishap/event/event.h"

namespace mishap::event {

/// Appends are serialised: sequence numbers and vector clocks are given under one lock, so seq
/// order is causal order as far as emitters emit in the order in which they learn. Any thread may
/// append or read. Events never change or move once appended.
class Log {
 public:
  /// Called for each event, in seq order, outside the lock but never concurrently, on the thread of
  /// some append: while one thread delivers, the events of others (and those a subscriber itself
  /// appends) are left to it.
  using Subscriber = std::function<void(const Event&)>;

  using Admission = std::function<bool(const Draft&)>;

  /// Appends, unless the log was restarted with an admission that refuses the draft.
  void append(Draft draft);

  /// Must be called before the first append.
  void subscribe(Subscriber subscriber);

  /// Forgets all events and clocks and begins again with seq 1. From here on what `admit` refuses
  /// leaves no trace (empty: all is admitted); it is called under the log's lock. Gives the old
  /// events: references to them stay valid as long as they are kept. Must not be called while
  /// somebody reads or waits; appending is fine. Subscribers stay.
  std::deque<Event> restart(Admission admit);

  size_t size() const;
  /// The event with index `index` (seq - 1).
  const Event& at(size_t index) const;

  /// Blocks until the log has more than `count` events or `deadline` passed; true when it has.
  bool wait_beyond(size_t count, std::chrono::steady_clock::time_point deadline) const;
  /// Time of the last append (steady clock), for quiescence.
  std::chrono::steady_clock::time_point last_append() const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable grown_;
  std::deque<Event> events_;
  std::map<std::string, VectorClock, std::less<>> clocks_;
  Admission admit_;
  std::chrono::steady_clock::time_point last_append_{};
  void deliver(std::unique_lock<std::mutex>& lock);

  bool delivering_ = false;
  size_t delivered_ = 0;
  std::vector<Subscriber> subscribers_;
};

}  // namespace mishap::event
