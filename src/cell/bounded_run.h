// Running code of the spec, which may not end.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "mishap/net/stream.h"

namespace mishap::cell {

/// Runs code of the spec on a thread of its own, for a limited time and to be stopped by anybody.
class BoundedRun {
 public:
  /// `cancel` makes what runs end soon; any thread.
  explicit BoundedRun(std::function<void()> cancel) : cancel_(std::move(cancel)) {}

  struct Ran {
    bool in_time = false;   ///< it returned before the deadline and before it was stopped
    bool returned = false;  ///< not: it is left behind on its thread
  };
  /// Past the deadline, or when it is stopped, the work is cancelled and given a grace, then left
  /// behind. One thread.
  Ran run(net::Deadline deadline, std::function<void()> work);
  /// Cancels what runs now, if anything does. Any thread.
  void stop();

 private:
  struct Work;
  const std::function<void()> cancel_;
  std::mutex mutex_;
  std::shared_ptr<Work> current_;  ///< shared with its thread, which may be left behind
};

}  // namespace mishap::cell
