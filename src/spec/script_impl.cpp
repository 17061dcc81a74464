#include "script_impl.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "assumptions.h"
#include "monitors.h"
#include "properties.h"
#include "values.h"

namespace mishap::spec {
namespace {

using cell::ScriptOutcome;

constexpr std::string_view kFailPrefix = "fail: ";
constexpr std::string_view kTimeIsUp = "the test's time is up";

ScriptOutcome::Kind kind_of(const starlark::EvalError& error) {
  if (error.code == kHalted) return ScriptOutcome::Kind::halted;
  if (error.code == kWaitCancelled || error.cancelled) return ScriptOutcome::Kind::cancelled;
  if (error.code == kAssertionFailed || error.code == kFailCalled ||
      error.message.starts_with(kFailPrefix))
    return ScriptOutcome::Kind::failed;
  return ScriptOutcome::Kind::raised;
}

ScriptOutcome failure(const World& world, const starlark::EvalError& error) {
  ScriptOutcome outcome;
  outcome.kind = kind_of(error);
  // Where it was stopped is chance, unless it waited.
  bool by_chance = error.cancelled && error.code != kWaitCancelled;
  outcome.message = by_chance ? "" : error.message;
  outcome.pos = error.pos;
  outcome.source_line = source_line(world, error.pos);
  outcome.backtrace = render_backtrace(world, error);
  if (error.code == kAssertionFailed) outcome.assertion = world.assertion;
  return outcome;
}

}  // namespace

void TestScript::attach(cell::Session& session) {
  world_.session = &session;
  world_.running_test = test_.info.name;
  world_.assertion_count = 0;
  world_.assertion.reset();
  world_.hung = false;
  cancelled_ = false;
  world_.started_windows.clear();
  world_.started_partitions.clear();
  world_.baton.reseed(session.plan().seed);
}

ScriptOutcome TestScript::call(const Value& function, TaskKind kind, std::span<const Value> args,
                               Value* result) {
  Task task{world_, kind};
  BatonHold hold(world_.baton);
  Thread thread(world_.interpreter, test_.info.name);
  thread.user = &task;
  {
    std::lock_guard lock(mutex_);
    running_.push_back(&thread);
    if (cancelled_) thread.cancel(std::string(kTimeIsUp));
  }
  auto outcome = thread.run(function, starlark::CallArgs(args));
  {
    std::lock_guard lock(mutex_);
    std::erase(running_, &thread);
  }
  if (!outcome) return failure(world_, outcome.error());
  ScriptOutcome returned;
  if (!outcome->is_none()) returned.return_value = starlark::repr(*outcome);
  if (result != nullptr) *result = std::move(*outcome);
  return returned;
}

bool TestScript::has_seed(const std::string& service) const {
  auto hooks = world_.declarations.hooks.find(service);
  return hooks != world_.declarations.hooks.end() && hooks->second.seed.is_valid();
}

ScriptOutcome TestScript::seed(const std::string& service) {
  return call(world_.declarations.hooks.at(service).seed, TaskKind::seed, {}, nullptr);
}

/// Null when the spec gives neither a reset nor a seed. No copy, which only who holds the baton may
/// make: services are reset at the same time.
const Value* TestScript::reset_of(const std::string& service) const {
  auto hooks = world_.declarations.hooks.find(service);
  if (hooks == world_.declarations.hooks.end()) return nullptr;
  const ServiceHooks& given = hooks->second;
  if (given.reset.is_valid()) return &given.reset;
  return given.seed.is_valid() ? &given.seed : nullptr;
}

bool TestScript::has_reset(const std::string& service) const {
  return reset_of(service) != nullptr;
}

ScriptOutcome TestScript::reset(const std::string& service) {
  return call(*reset_of(service), TaskKind::seed, {}, nullptr);
}

ScriptOutcome TestScript::setup() {
  if (!test_.setup.is_valid()) return {};
  return call(test_.setup, TaskKind::setup, {}, nullptr);
}

ScriptOutcome TestScript::assume() {
  for (const Value& predicate : test_.assume) {
    bool satisfied = predicate.is_bool() && predicate.as_bool();
    if (!predicate.is_bool()) {
      Value choices, answer;
      {
        BatonHold hold(world_.baton);
        choices = world_.interpreter.heap().dict();
      }
      ScriptOutcome outcome = call(predicate, TaskKind::predicate, {&choices, 1}, &answer);
      BatonHold hold(world_.baton);
      choices = Value();
      satisfied = starlark::truth(std::exchange(answer, Value()));
      if (outcome.kind != ScriptOutcome::Kind::returned) {
        outcome.message = fmt::format("{}: {}", assumption_text(predicate), outcome.message);
        return outcome;
      }
    }
    if (satisfied) continue;
    ScriptOutcome halted;
    halted.kind = ScriptOutcome::Kind::halted;
    halted.message = assumption_text(predicate) + " not satisfied";
    return halted;
  }
  return {};
}

ScriptOutcome TestScript::body() { return call(test_.body, TaskKind::body, {}, &returned_); }

ScriptOutcome TestScript::expect(bool hung) {
  world_.hung = hung;
  {
    std::lock_guard lock(mutex_);
    cancelled_ = false;
  }
  const Value none = Value::none();
  ScriptOutcome outcome =
      call(test_.expect, TaskKind::expectation, {hung ? &none : &returned_, 1}, nullptr);
  // A bare condition says nothing of the values in it; what the scenario returned mostly explains
  // it.
  if (outcome.assertion && outcome.assertion->func == "assert_true" && !hung) {
    BatonHold hold(world_.baton);
    outcome.message +=
        fmt::format(" (the scenario returned {})", truncated(starlark::repr(returned_), 200));
  }
  return outcome;
}

std::vector<monitor::MonitorSpec> TestScript::monitors() {
  std::vector<monitor::MonitorSpec> specs;
  auto add = [&](const Value& value) { specs.push_back(monitor_spec(world_, value)); };
  for (const Value& value : world_.declarations.monitors) {
    if (!world_.declarations.claimed.contains(value.object())) add(value);
  }
  for (const Value& assumption : test_.assumptions) {
    for (const Value& value : starlark::host_cast<AssumptionValue>(assumption)->value.monitors)
      add(value);
  }
  for (const Value& value : test_.monitors) add(value);
  return specs;
}

std::vector<std::pair<monitor::PropertySpec, monitor::PropertySet::Role>> TestScript::properties() {
  using Role = monitor::PropertySet::Role;
  BatonHold hold(world_.baton);  // monitors may be at work
  std::vector<std::pair<monitor::PropertySpec, Role>> specs;
  specs.reserve(test_.properties.size());
  for (const Value& value : test_.properties)
    specs.emplace_back(property_spec(world_, value), Role::expectation);
  world_.assertion_count += specs.size();
  if (test_.terminate_when.is_valid())
    specs.emplace_back(property_spec(world_, test_.terminate_when), Role::terminator);
  return specs;
}

void TestScript::cancel() {
  std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (Thread* thread : running_) thread->cancel(std::string(kTimeIsUp));
}

}  // namespace mishap::spec
