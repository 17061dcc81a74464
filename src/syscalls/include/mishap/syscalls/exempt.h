// Processes of a service that work for us, such as the one that streams a database's log to us.
#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

namespace mishap::syscalls {

/// What they call is not the service's doing: no rule meets it and no event tells of it. Numbers
/// are those of the supervisor's pid namespace. Any thread.
class ExemptProcesses {
 public:
  void add(int pid) {
    std::lock_guard lock(mutex_);
    pids_.push_back(pid);
    count_.store(pids_.size(), std::memory_order_release);
  }
  void remove(int pid) {
    std::lock_guard lock(mutex_);
    std::erase(pids_, pid);
    count_.store(pids_.size(), std::memory_order_release);
  }
  bool contains(int pid) const {
    if (count_.load(std::memory_order_acquire) == 0) return false;
    std::lock_guard lock(mutex_);
    return std::find(pids_.begin(), pids_.end(), pid) != pids_.end();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<int> pids_;
  std::atomic<size_t> count_{0};
};

}  // namespace mishap::syscalls
