// Code of the spec that looks at events while a test runs: monitors and predicates.
#pragma once

#include "mishap/monitor/monitor.h"

#include "world.h"

namespace mishap::spec {

/// A Starlark thread for such code; who uses it holds the baton meanwhile.
struct Onlooker {
  Onlooker(World& world, TaskKind kind) : task{world, kind}, thread(world.interpreter, "onlooker") {
    thread.user = &task;
  }
  Task task;
  Thread thread;
};

/// What an error says against an event. `callback` names the one that raised where there are
/// several. The message is what fail() was given, or the whole error.
monitor::Objection objection_of(const World& world, const starlark::EvalError& error,
                                std::string_view callback = "");

/// Where a function is defined; line 0 for one of ours.
SourcePos function_pos(const Value& function);

}  // namespace mishap::spec
