// Fault windows of a running cell: all rules of one are applied together or not at all, and removed
// together.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "mishap/cell/session.h"
#include "mishap/event/log.h"
#include "mishap/event/run.h"
#include "mishap/fault/decider.h"

#include "links.h"
#include "partitions.h"
#include "services.h"

namespace mishap::cell {

/// Any thread. What is passed in outlives it.
class Windows {
 public:
  Windows(const CellPlan& plan, Services& services, fault::ProtocolDecider& protocols,
          traffic::Router* router, event::Log& log)
      : plan_(plan),
        services_(services),
        protocols_(protocols),
        log_(log),
        partitions_(plan, router, log),
        links_(plan, router, log) {}

  Result<WindowHandle> open(const WindowPlan& window);
  void close(WindowHandle handle);
  void close_all();
  /// What people should know of windows that were left open; "" when nothing.
  std::string leak() const {
    std::lock_guard lock(mutex_);
    return partitions_.leak();
  }
  bool any_fault_opened() const { return any_fault_opened_; }
  /// Every declared rule with what it counted, a rule that was opened several times being one.
  std::vector<fault::Counters> counters() const;
  /// What none of the calls seen by a rule was: "needed new blocks of a regular file"; "" when
  /// nothing narrows it.
  std::string fits(const fault::Counters& counters) const;

 private:
  struct Open {
    WindowPlan plan;
    std::map<std::string, fault::WindowId> syscall_windows;  // by service
    std::optional<fault::WindowId> protocol_window;
    std::vector<Partitions::Id> partitions;
    std::vector<Links::Id> links;
  };
  Result<void> check(const WindowPlan& window) const;
  Result<void> check(const fault::SyscallRule& rule) const;
  Result<void> check(const fault::ProtocolRule& rule) const;
  Result<void> check(const fault::PartitionRule& rule) const;
  Result<void> require_running(const std::string& service) const;
  void announce(const Open& open);
  void withdraw(const Open& open,
                const std::map<std::string, std::vector<fault::Counters>>& counted);

  const CellPlan& plan_;
  Services& services_;
  fault::ProtocolDecider& protocols_;
  event::Log& log_;
  mutable std::mutex mutex_;
  Partitions partitions_;
  Links links_;
  WindowHandle next_ = 1;
  std::map<WindowHandle, Open> open_;
  std::map<std::string, std::string> fits_;  // by service and text of the rule
  bool any_fault_opened_ = false;
};

}  // namespace mishap::cell
