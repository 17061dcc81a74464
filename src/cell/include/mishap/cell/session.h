// A running cell, as the spec's builtins see it.
#pragma once

#include <memory>
#include <string>

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/cell/plan.h"
#include "mishap/event/log.h"
#include "mishap/monitor/monitor.h"
#include "mishap/monitor/property.h"
#include "mishap/net/stream.h"
#include "mishap/sandbox/process.h"
#include "mishap/traffic/protocol.h"

namespace mishap::cell {

using WindowHandle = uint64_t;

/// What came of a step, with its duration as it was measured.
struct TimedStep {
  traffic::StepResult result;
  std::chrono::milliseconds duration{0};
};

/// Methods block; callers give up the interpreter first. Any thread.
class Session {
 public:
  virtual ~Session() = default;
  virtual const CellPlan& plan() const = 0;
  virtual event::Log& log() = 0;
  /// A body that calls monitor() adds to these; they see the events from then on.
  virtual monitor::MonitorSet& monitors() = 0;
  /// Those of test(expect=), and what the test's code registers.
  virtual monitor::PropertySet& properties() = 0;
  /// Runs one step as the consumer "test", emitting step_send and step_recv. `spec` is the running
  /// test's name or "". Error: the spec's own mistake (missing argument), worded for its author.
  virtual Result<TimedStep> step(const std::string& service, const std::string& interface,
                                 const std::string& method, Json arguments,
                                 const std::string& spec) = 0;
  /// Applies all rules of the window or none. Errors: FAULT_NOT_FILTERABLE, a service that is not
  /// running.
  virtual Result<WindowHandle> open(const WindowPlan& window) = 0;
  virtual void close(WindowHandle window) = 0;
  /// Runs a program beside the services, unsupervised, and waits for its end. Where interfaces
  /// speak TLS its environment says whom to trust, whatever the request's says. A cancel of the
  /// body kills it. Error: it could not be started.
  virtual Result<sandbox::ExitStatus> run_program(const sandbox::SpawnRequest& request) = 0;
  /// Waits until the sources have delivered what has happened so far.
  virtual void catch_up() = 0;
  /// When the body's time is up.
  virtual net::Deadline deadline() const = 0;
  /// Set when the body is cancelled; waits must watch it.
  virtual const net::Cancel& cancel() const = 0;
};

}  // namespace mishap::cell
