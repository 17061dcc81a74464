// Code of the spec that looks at events while a test runs: monitors and predicates.
#pragma once

#include "mishap/monitor/monitor.h"

#include "world.h"

namespace mishap::spec {

/// A Starlark thread for such code; who uses it holds the baton meanwhile.
class Onlooker {
 public:
  /// Calls and rounds of loops in one look at an event or a trace. They take about a second; nobody
  /// else would end code that goes on for ever.
  static constexpr uint64_t kMostSteps = 50'000'000;

  Onlooker(World& world, TaskKind kind)
      : task_{world, kind}, thread_(world.interpreter, "onlooker") {
    thread_.user = &task_;
  }
  /// For one look.
  Thread& thread() {
    thread_.set_step_limit(thread_.steps() + kMostSteps);
    return thread_;
  }

 private:
  Task task_;
  Thread thread_;
};

/// What an error says against an event. `callback` names the one that raised where there are
/// several. The message is what fail() was given, or the whole error.
monitor::Objection objection_of(const World& world, const starlark::EvalError& error,
                                std::string_view callback = "");

/// Where a function is defined; line 0 for one of ours.
SourcePos function_pos(const Value& function);

}  // namespace mishap::spec
