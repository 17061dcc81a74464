// One cell as a child process, from the coordinator's side.
#pragma once

#include <optional>
#include <string>

#include "mishap/cell/cell.h"
#include "mishap/event/run.h"
#include "mishap/run/runner.h"
#include "mishap/sandbox/cell.h"

#include "result_channel.h"
#include "shell_script.h"

namespace mishap::run {

/// What all cells of a run have in common.
struct CellFrame {
  spec::Spec& spec;
  const RunOptions& options;
  std::map<std::string, engine::Launch> launches;
  std::string keep_root;  ///< "" keeps nothing
  /// Instead of the test's body a program that a person works in; null for ordinary cells.
  const ShellProgram* shell = nullptr;
};

/// A worker that runs, or has run. The coordinator polls `fd` and calls `read_available` until it
/// says that all has come.
class Worker {
 public:
  /// Forks the worker. Error: no namespaces, no memory.
  static Result<Worker> start(const CellFrame& frame, const spec::TestInfo& test, int run);

  int fd() const { return pipe_.get(); }
  /// True when the whole result has come, or nothing will come any more.
  bool read_available();
  /// The result. The cell may still be ending, which destroying the worker waits for; one that died
  /// without a result is waited for here, and is a tool error.
  event::TestResult finish(const CellFrame& frame);
  void kill() { process_.kill(); }
  const spec::TestInfo& test() const { return test_; }
  int run() const { return run_; }

 private:
  spec::TestInfo test_;
  int run_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::string keep_;
  sandbox::CellProcess process_;
  UniqueFd pipe_;
  ResultReader result_;
};

}  // namespace mishap::run
