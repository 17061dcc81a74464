// What a service leaves behind when it is killed: processes that left its group.
#pragma once

#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mishap/base/result.h"

namespace mishap::cell {

/// The variable by which a process that lost its parent is still known to be of a service.
inline constexpr const char* kServiceVariable = "MISHAP_SERVICE";

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string service;  ///< what kServiceVariable says in its environment, "" when nothing
};

/// What is to live on: the first processes of services, and the services' names.
struct Kept {
  std::set<pid_t> leaders;
  std::set<std::string> services;
};

struct Leftovers {
  std::vector<pid_t> pids;
  bool unsure = false;  ///< a parent vanished while the table was read: look again
};

/// Of the processes of a cell (whose pid 1 is its worker) those that are of no kept service: they
/// neither descend from a leader nor, having lost their parent, name a kept service. Pure.
Leftovers leftovers(const std::vector<Process>& processes, const Kept& kept);

/// Kills them until none is left. To be called in pid 1 of a cell that has a /proc of its own.
/// Error: some do not end.
Result<void> kill_leftovers(const Kept& kept);

}  // namespace mishap::cell
