// What this machine gives, found out by trying it: a kernel's version says little where
// distributions and container engines have a word in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/sandbox/cell.h"

namespace mishap::sandbox {

/// One thing that this machine gives or does not.
struct Probe {
  enum class State { ok, degraded, missing };
  std::string name;  ///< "user namespaces"
  State state = State::ok;
  std::string detail;  ///< what was found; else what is wrong, and what is lost by it
  std::string remedy;  ///< what to do about it, at best one command; "" when all is well
  bool vital = false;  ///< nothing runs without it
};
std::string_view to_string(Probe::State state);  ///< "ok", "degraded", "missing"
/// The first vital thing that is missing, with what to do about it; fine when there is none.
Result<void> nothing_vital_missing(const std::vector<Probe>& probes);

/// Linux and its release, for people.
Probe probe_kernel();

/// Whether cells can be made by this process. Where not, detail and remedy tell the switches apart
/// that forbid it.
Probe probe_user_namespaces();

/// What a cell has here: its file systems, its network, its access to the programs that it runs.
/// Makes one cell. Empty when cells cannot be made.
std::vector<Probe> probe_cell();

/// How a cell that has been set up falls short, worded as doctor words it: one text for each
/// degraded probe.
std::vector<std::string> shortcomings(const CellEnvironment& environment);

/// Why cells cannot be made, from what the kernel said and what the files below `root` ("" for this
/// machine) say of switches and containers. `made`: the namespaces were made, but it failed
/// afterwards.
struct Refusal {
  std::string why, remedy;
};
Refusal explain_refusal(const std::string& root, int error_code, bool made);

}  // namespace mishap::sandbox
