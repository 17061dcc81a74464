// One cell as a child process, from the coordinator's side.
//
// A socket pair. The coordinator asks `INDEX RUN` (a test of the run's list), one line; the worker
// answers as result_channel.h says. A cell without reused services is asked once and then ends by
// itself; a lane is asked until it is over or nothing is left.
#pragma once

#include <optional>
#include <string>

#include "mishap/cell/cell.h"
#include "mishap/event/run.h"
#include "mishap/run/runner.h"
#include "mishap/sandbox/cell.h"

#include "result_channel.h"
#include "schedule.h"
#include "shell_script.h"

namespace mishap::run {

/// What all cells of a run have in common.
struct CellFrame {
  spec::Spec& spec;
  const RunOptions& options;
  std::map<std::string, engine::Launch> launches;
  std::string keep_root;                            ///< "" keeps nothing
  std::shared_ptr<const net::Authority> authority;  ///< null: no interface speaks TLS
  /// Instead of the test's body a program that a person works in; null for ordinary cells.
  const ShellProgram* shell = nullptr;
  /// Covers all tests of the run; set when some service is reused, so that cells are lanes.
  std::optional<cell::LanePlan> lane;
};

/// What a worker has come to with the job it was given.
struct Reply {
  std::optional<event::TestResult> result;
  std::string over;  ///< without a result: why the job has to be run in another cell
};

/// A worker that runs, or has run. The coordinator gives it one job at a time, polls `fd` and takes
/// what `reply` has.
class Worker {
 public:
  /// Forks a worker, which sets up its cell and waits for a job. `keep` is a directory for what is
  /// to outlive the cell (made if missing), "" keeps nothing. Error: no namespaces, no memory.
  static Result<Worker> start(const CellFrame& frame, const std::string& keep);

  int fd() const { return channel_.get(); }
  /// After `fd` was readable. Nothing: the worker is still at it. A worker that ended without an
  /// answer is a tool error of the job if it had begun, else the cell is over.
  std::optional<Reply> reply(const CellFrame& frame);
  /// Whether it may be given another job: a lane that has answered and not ended.
  bool can_go_on() const { return lane_ && !over_; }
  /// What the cell still lacks of its set-up counts as time of its first job.
  void give(const CellFrame& frame, Job job);
  /// The worker is at its job: what it says next is how that went.
  bool begun() const { return reader_.started(); }
  void kill() { process_.kill(); }
  /// What it was given last.
  const Job& job() const { return job_; }

 private:
  bool read_available();
  std::string how_it_ended();
  void complete(const CellFrame& frame, event::TestResult& result) const;

  Job job_;
  std::string previous_;  // the test before it, "" for the cell's first
  bool lane_ = false;
  bool over_ = false;
  std::chrono::steady_clock::time_point started_;
  std::string keep_;
  sandbox::CellProcess process_;
  UniqueFd channel_;
  ResultReader reader_;  // of what comes about the job
};

}  // namespace mishap::run
