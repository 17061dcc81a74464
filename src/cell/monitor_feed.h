// Shows the log to the monitors on a thread of its own: monitors are Starlark, and what appends
// events must not wait for Starlark.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "mishap/event/log.h"
#include "mishap/monitor/monitor.h"

namespace mishap::cell {

/// Feeds events in seq order from the moment it is made. `log` and `monitors` outlive it.
class MonitorFeed {
 public:
  MonitorFeed(const event::Log& log, monitor::MonitorSet& monitors);
  ~MonitorFeed();
  /// Until all events that the log has now have been fed.
  void catch_up();

 private:
  void run();
  const event::Log& log_;
  monitor::MonitorSet& monitors_;
  std::mutex mutex_;
  std::condition_variable asked_, fed_changed_;
  size_t fed_;
  size_t wanted_ = 0;  ///< somebody waits until so many are fed
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mishap::cell
