// Runs the tests of one cell inside its sandbox, each from starting the services to the verdict.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/cell/script.h"
#include "mishap/engine/native.h"
#include "mishap/event/run.h"
#include "mishap/net/certificate.h"
#include "mishap/sandbox/cell.h"

namespace mishap::cell {

struct CellSettings {
  std::map<std::string, engine::Launch> launches;   ///< how each service of the plan is started
  std::shared_ptr<const net::Authority> authority;  ///< of the run; null: no interface speaks TLS
  bool keep = false;
  bool echo_output = false;  ///< services' lines also go to stderr
};

class CellRun;
class LiveSession;

/// The worker's side of a cell (pid 1 in it). Services may still be running when it is destroyed or
/// left; the worker's end ends them. A body that does not stop when cancelled is left behind on its
/// thread, so the worker must end by _exit without destroying the cell. One thread.
class Cell {
 public:
  Cell(LanePlan lane, const CellSettings& settings, sandbox::CellEnvironment& environment);
  ~Cell();

  /// Runs a test. `plan` and `script` outlive the cell. What goes wrong is the result. Nothing: the
  /// cell turned out not to be fit for it (see `over`), so the test has to be run in another; never
  /// for the first.
  std::optional<event::TestResult> run(const CellPlan& plan, Script& script);
  /// Makes the cell ready for another test, once the result of the last is on its way.
  void end_test();
  /// Why no further test can be run here, for people: `service "db" was killed by signal 9 (KILL)
  /// in test_a`. "" when one can.
  const std::string& over() const { return over_; }

 private:
  const LanePlan lane_;
  std::unique_ptr<LiveSession> session_;
  std::vector<std::unique_ptr<CellRun>> runs_;  ///< all of them: threads may still look at one
  sandbox::CellEnvironment& environment_;
  std::string over_;
};

}  // namespace mishap::cell
