// Puts what several followers see into one order: that in which it happened.
//
// A message and the row that it led to reach us on two ways, of which either may be the slower. So
// what comes is kept for a moment, and goes to the log in the order of the times at which it
// happened by the account of where it was seen; a row goes only once the followers of topics have
// delivered what was there before it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "mishap/event/log.h"
#include "mishap/traffic/follower.h"

namespace mishap::source {

class Arrivals {
 public:
  /// How long a sighting waits for others that may have happened before it.
  static constexpr auto kHold = std::chrono::milliseconds(20);

  /// `log` outlives this. `before` is called, on our thread, before sightings of these event types
  /// go to the log: it may have others delivered first.
  using Before = std::function<void(const std::vector<std::string>& types)>;
  Arrivals(event::Log& log, Before before);
  ~Arrivals();

  /// Any thread. They stay together and in order.
  void add(std::vector<traffic::Sighting> sightings);
  /// Until all that has been added is in the log.
  void flush();

 private:
  using Clock = std::chrono::steady_clock;
  struct Waiting {
    std::vector<traffic::Sighting> sightings;
    Clock::time_point due;
  };
  void run();
  std::vector<std::string> due_types(Clock::time_point now) const;
  void release(bool all);

  event::Log& log_;
  const Before before_;
  std::mutex releasing_;  ///< one at a time appends; taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiting> waiting_;  ///< in order of arrival
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mishap::source
