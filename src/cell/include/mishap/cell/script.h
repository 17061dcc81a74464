// The Starlark side of a cell, as the cell sees it: callables behind a small interface that `spec`
// implements.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/source_pos.h"
#include "mishap/event/run.h"
#include "mishap/monitor/monitor.h"
#include "mishap/monitor/property.h"

namespace mishap::cell {

class Session;

/// How a piece of Starlark ended.
struct ScriptOutcome {
  enum class Kind {
    returned,
    failed,     ///< an assertion or fail() raised
    raised,     ///< any other error: the spec's own mistake
    halted,     ///< halt()
    cancelled,  ///< stopped by Script::cancel or by a wait that the deadline ended, which the
                ///< message then names
  } kind = Kind::returned;
  std::string message;  ///< without position; "" when returned
  std::optional<event::AssertionFailure> assertion;
  SourcePos pos;  ///< innermost position in the spec
  std::string source_line;
  std::string backtrace;                    ///< rendered, several lines
  std::optional<std::string> return_value;  ///< repr, nothing for None
};

/// Calls block until the Starlark code is done. The implementation makes sure that one task at a
/// time holds the interpreter, so these may be called from several threads (seeds of independent
/// services).
class Script {
 public:
  virtual ~Script() = default;
  /// Gives the builtins the running cell; called once, before anything else. In a lane this is also
  /// where what an earlier test left in the interpreter is forgotten.
  virtual void attach(Session& session) = 0;
  virtual bool has_seed(const std::string& service) const = 0;
  virtual ScriptOutcome seed(const std::string& service) = 0;
  /// Of a service that was kept; its seed where the spec gives no reset.
  virtual bool has_reset(const std::string& service) const = 0;
  virtual ScriptOutcome reset(const std::string& service) = 0;
  virtual ScriptOutcome setup() = 0;  ///< of test(setup=); returns at once when there is none
  /// The predicates of test(assume=): halted when one says no.
  virtual ScriptOutcome assume() = 0;
  virtual ScriptOutcome body() = 0;
  virtual bool has_expectation() const = 0;
  /// Calls the expectation with what body() returned; `hung`: the body did not return in time.
  virtual ScriptOutcome expect(bool hung) = 0;
  /// Monitors of this cell: spec-wide ones and those it claims. Callbacks run Starlark.
  virtual std::vector<monitor::MonitorSpec> monitors() = 0;
  /// Properties of test(expect=, terminate_when=), with a fresh state.
  virtual std::vector<std::pair<monitor::PropertySpec, monitor::PropertySet::Role>>
  properties() = 0;
  /// Ends whatever runs, as soon as it looks, and what is still to run before the expectation. Any
  /// thread.
  virtual void cancel() = 0;
  virtual uint64_t assertions() const = 0;
};

}  // namespace mishap::cell
