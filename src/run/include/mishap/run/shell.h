// A shell in a cell: to look at what a red test left its author wondering about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mishap/event/run.h"
#include "mishap/run/runner.h"

namespace mishap::run {

struct ShellOutcome {
  /// What the cell came to: start-up failures, and what its faults did meanwhile.
  event::TestResult result;
  /// Of the shell or command; none when it was never started.
  std::optional<int> exit_code;
  bool interrupted = false;  ///< a signal ended the shell
};

/// Starts the services of the one test in `options.tests`, seeds them, puts its faults on, and runs
/// `command` in the cell (empty: the user's shell) instead of the test's body, without a time
/// limit. On a terminal the program has one of its own in the cell; otherwise it inherits stdin,
/// stdout and stderr. The end of the program ends the cell. Blocks; the process must have one
/// thread. Error: as of `run`.
Result<ShellOutcome> open_shell(spec::Spec& spec, const RunOptions& options,
                                const std::vector<std::string>& command);

}  // namespace mishap::run
