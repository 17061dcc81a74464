// Shows the log to the monitors and properties on a thread of its own: monitors are Starlark, and
// what appends events must not wait for Starlark.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "mishap/event/log.h"
#include "mishap/monitor/monitor.h"
#include "mishap/monitor/property.h"

namespace mishap::cell {

/// Feeds events in seq order from the moment it is made. What it is given outlives it.
class MonitorFeed {
 public:
  MonitorFeed(const event::Log& log, monitor::MonitorSet& monitors,
              monitor::PropertySet& properties);
  ~MonitorFeed();
  /// Until all events that the log has now have been fed, and all moments that were signalled.
  void catch_up();

 private:
  void run();
  const event::Log& log_;
  monitor::MonitorSet& monitors_;
  monitor::PropertySet& properties_;
  std::mutex mutex_;
  std::condition_variable asked_, looked_;
  size_t next_;          ///< of the feeding thread
  uint64_t looks_ = 0;   ///< how often it has looked for what is new, each look done with all
  uint64_t wanted_ = 0;  ///< somebody waits until it has looked so often
  bool looking_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace mishap::cell
