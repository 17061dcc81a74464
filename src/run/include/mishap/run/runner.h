// The coordinator: schedules the cells of a run over the cores, one worker process per cell, and
// collects what they say.
//
// A worker is a fork of the coordinator, which has one thread and has loaded the spec: the child's
// copy of it is a snapshot that an edit during the run cannot change, and costs nothing to load.
// See docs/design/cells.md for why it is not a re-execution.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/engine/native.h"
#include "mishap/event/run.h"
#include "mishap/spec/spec.h"

namespace mishap::run {

struct RunOptions {
  std::vector<spec::TestInfo> tests;  ///< selected ones, in order
  uint64_t seed = 0;
  std::string seed_origin;  ///< cli, cached, generated
  int jobs = 1;
  int runs = 1;  ///< of each test; a test stops at its first failure
  bool keep = false;
  bool echo_output = false;
  /// Where long outputs of red tests are saved; made when the first has to be. "" saves nothing.
  std::string output_directory;
  engine::EngineOptions engine;
  std::string tool_version;
  std::string
      replay_prefix;  ///< `mishap test FILE --image …`: replay commands add `--test NAME --seed N`
};

struct RunOutcome {
  std::vector<event::Verdict> verdicts;  ///< in order of completion
  bool interrupted = false;
  bool required_fault_missed = false;  ///< a vacuous test of a matrix with require_faults_fire
};

/// Runs all of it and tells the observers. Blocks; the process must have one thread. SIGINT or
/// SIGTERM once: running cells are ended and with the rest are not_run; twice: the process ends at
/// once. Error: nothing could be run at all (a service that cannot be found, no namespaces on this
/// machine).
Result<RunOutcome> run(spec::Spec& spec, const RunOptions& options,
                       const std::vector<event::RunObserver*>& observers);

/// Why a `--test` pattern can select nothing in any spec: "is empty", "is no regular expression:
/// missing ): (a". "" when it is well formed.
std::string pattern_problem(const std::string& pattern);

/// Tests that a `--test` pattern selects: exact name with or without `test_`; a matrix group
/// `test_matrix_<scenario>`; `~REGEX`; shell glob. First rule that applies.
std::vector<spec::TestInfo> select_tests(const std::vector<spec::TestInfo>& tests,
                                         const std::string& pattern);

}  // namespace mishap::run
