// Loading a spec, and what is known of it before anything runs.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "mishap/base/check.h"
#include "mishap/base/text.h"
#include "mishap/cell/observed.h"
#include "mishap/cell/unseen.h"
#include "mishap/spec/spec.h"

#include "binding.h"
#include "composition.h"
#include "filter_scan.h"
#include "forbidden_names.h"
#include "script_impl.h"
#include "text_files.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;

class LoadedSpec final : public Spec {
 public:
  explicit LoadedSpec(std::unique_ptr<World> world) : world_(std::move(world)), scan_(*world_) {
    auto& tests = world_->declarations.tests;
    std::sort(tests.begin(), tests.end(),
              [](const auto& a, const auto& b) { return a.info.name < b.info.name; });
    for (const auto& test : tests) infos_.push_back(test.info);
  }

  const fs::path& path() const override { return world_->root; }
  const std::vector<engine::Service>& services() const override {
    return world_->declarations.services;
  }
  const std::vector<TestInfo>& tests() const override { return infos_; }
  const std::vector<MatrixInfo>& matrices() const override { return world_->declarations.matrices; }
  size_t assumption_count() const override { return world_->declarations.assumptions.size(); }
  const std::map<std::string, std::string>& files() const override { return world_->files; }
  const std::vector<LoadMessage>& messages() const override { return world_->messages; }

  cell::CellPlan plan(const TestInfo& info, uint64_t seed, int run) const override {
    const TestDeclaration& test = declaration(info);
    cell::CellPlan plan;
    plan.name = info.name;
    plan.kind = info.kind;
    plan.scenario = info.scenario;
    plan.fault = info.fault;
    plan.pos = info.pos;
    plan.services = services();
    ScanResult seen = scan_.scan(entries(test));
    plan.notified = std::move(seen.notified);
    plan.relayed = std::move(seen.relayed);
    plan.partitioned = std::move(seen.partitioned);
    add_observed(plan);
    for (const Value& value : test.assumptions)
      add_window(plan, starlark::host_cast<AssumptionValue>(value)->value);
    if (test.expect.is_valid()) plan.expectation = callable_name(test.expect);
    plan.timeout = test.timeout;
    plan.drain = test.drain;
    plan.require_faults_fire = test.require_faults_fire;
    plan.seed = seed;
    plan.run = run;
    return plan;
  }

  /// Faults that a service without a filter would hide, each once, in the order of the tests.
  std::vector<UnseenFault> unseen_faults() const {
    std::vector<UnseenFault> found;
    auto add = [&](UnseenFault fault) {
      bool known = std::any_of(found.begin(), found.end(), [&](const auto& other) {
        return other.pos.text() == fault.pos.text() && other.why == fault.why;
      });
      if (!known) found.push_back(std::move(fault));
    };
    bool filtered = std::all_of(services().begin(), services().end(),
                                [](const auto& service) { return service.seccomp; });
    if (filtered) return found;
    for (const auto& [name, value] : world_->declarations.assumptions) {
      for (const auto& rule : starlark::host_cast<AssumptionValue>(value)->value.protocol_rules) {
        if (auto why = cell::unseen(services(), rule)) add({rule.declared.pos, *why});
      }
    }
    for (const auto& test : world_->declarations.tests) {
      for (auto& fault : scan_.scan(entries(test)).unseen) add(std::move(fault));
    }
    return found;
  }

  std::unique_ptr<cell::Script> script(const TestInfo& info) override {
    return std::make_unique<TestScript>(*world_, declaration(info));
  }

 private:
  const TestDeclaration& declaration(const TestInfo& info) const {
    const auto& tests = world_->declarations.tests;
    auto found = std::find_if(tests.begin(), tests.end(),
                              [&](const auto& t) { return t.info.name == info.name; });
    MISHAP_CHECK(found != tests.end(), "no test {}", info.name);
    return *found;
  }

  std::vector<Value> entries(const TestDeclaration& test) const {
    std::vector<Value> functions = {test.body, test.setup, test.expect};
    for (const auto& [name, hooks] : world_->declarations.hooks) {
      functions.push_back(hooks.seed);
      functions.push_back(hooks.reset);
    }
    return functions;
  }

  /// Where a source must know of a conversation before it uses a database, it goes through a relay.
  static void add_observed(cell::CellPlan& plan) {
    for (const auto& service : plan.services) {
      for (const auto& observation : service.observe) {
        if (observation.source != engine::Observation::Source::wal_stream) continue;
        if (const auto* interface = cell::observed_interface(service, observation))
          plan.relayed.insert({service.name, interface->name});
      }
    }
  }

  static void add_window(cell::CellPlan& plan, const Assumption& assumption) {
    cell::WindowPlan before, window;
    for (const auto& earlier : plan.windows) {
      append_new(before.syscall_rules, earlier.syscall_rules);
      append_new(before.protocol_rules, earlier.protocol_rules);
      append_new(before.partitions, earlier.partitions);
    }
    window.assumption = assumption.name;
    window.syscall_rules = those_new(before.syscall_rules, assumption.syscall_rules);
    window.protocol_rules = those_new(before.protocol_rules, assumption.protocol_rules);
    window.partitions = those_new(before.partitions, assumption.partitions);
    window.pos = assumption.pos;
    for (const auto& rule : assumption.syscall_rules) {
      plan.notified[rule.service].insert(rule.syscalls.begin(), rule.syscalls.end());
    }
    for (const auto& rule : assumption.protocol_rules)
      plan.relayed.insert({rule.service, rule.interface});
    for (const auto& rule : assumption.partitions) cell::make_separable(plan, rule);
    plan.windows.push_back(std::move(window));
  }

  std::unique_ptr<World> world_;
  FilterScan scan_;
  std::vector<TestInfo> infos_;
};

/// The root's `test_*` functions are tests of their own, unless something declared one of that
/// name.
void discover(World& world, const starlark::LoadedModule& root) {
  auto& tests = world.declarations.tests;
  for (const auto& global : root.globals()) {
    if (!global.name.starts_with("test_") || global.value.kind() != starlark::Kind::kFunction)
      continue;
    auto same = std::find_if(tests.begin(), tests.end(),
                             [&](const auto& t) { return t.info.name == global.name; });
    if (same != tests.end()) continue;
    TestDeclaration test;
    test.info = {global.name, "test", "", "", global.value.as<starlark::FunctionObject>().pos()};
    test.body = global.value;
    tests.push_back(std::move(test));
  }
}

LoadMessage spec_error(const World& world, std::string message, SourcePos pos) {
  starlark::Diagnostic error;
  error.message = std::move(message);
  error.pos = std::move(pos);
  return render_error(world, error, "SPEC_LOAD_FAILED");
}

/// Functions that are tests by their name are called with nothing.
std::vector<LoadMessage> check_test_functions(const World& world) {
  std::vector<LoadMessage> errors;
  for (const auto& test : world.declarations.tests) {
    if (test.info.kind != "test") continue;
    std::string problem = arity_problem(test.body, {});
    if (!problem.empty()) errors.push_back(spec_error(world, problem, test.info.pos));
  }
  return errors;
}

/// Services that filters name must exist: a filter for another one never matches, which an
/// assertion that something never happens would take for the best.
std::vector<LoadMessage> check_filters(const World& world) {
  std::vector<LoadMessage> errors;
  for (const auto& [name, pos] : world.declarations.filtered) {
    std::string problem = unknown_service(world.declarations, name);
    if (!problem.empty()) errors.push_back(spec_error(world, problem, pos));
  }
  return errors;
}

/// Each name in depends_on is a service, and nobody depends on himself by way of others.
std::vector<LoadMessage> check_dependencies(const World& world) {
  const Declarations& declared = world.declarations;
  std::vector<LoadMessage> errors;
  std::vector<std::string> names;
  names.reserve(declared.services.size());
  for (const auto& service : declared.services) names.push_back(service.name);
  for (const auto& service : declared.services) {
    for (const auto& needed : service.depends_on) {
      if (declared.find_service(needed) != nullptr) continue;
      errors.push_back(
          spec_error(world,
                     fmt::format("service \"{}\" depends on \"{}\", which is not declared{}",
                                 service.name, needed, did_you_mean(needed, names)),
                     service.pos));
    }
  }
  if (!errors.empty()) return errors;
  std::map<std::string, int> state;  // 1: being looked at, 2: fine
  std::vector<std::string> chain;
  std::function<bool(const std::string&)> cyclic = [&](const std::string& name) {
    if (state[name] == 2) return false;
    chain.push_back(name);
    if (state[name] == 1) return true;
    state[name] = 1;
    for (const auto& needed : declared.find_service(name)->depends_on) {
      if (cyclic(needed)) return true;
    }
    state[name] = 2;
    chain.pop_back();
    return false;
  };
  for (const auto& service : declared.services) {
    chain.clear();
    if (!cyclic(service.name)) continue;
    chain.erase(chain.begin(), std::find(chain.begin(), chain.end(), chain.back()));
    return {spec_error(world, "services depend on each other in a circle: " + join(chain, " → "),
                       service.pos)};
  }
  return errors;
}

/// What is allowed, but hardly meant.
void warn_of_reuse(World& world) {
  const Declarations& declared = world.declarations;
  auto warn = [&](const engine::Service& service, std::string message) {
    world.add_message(LoadMessage::Level::warning, service.pos, std::move(message));
  };
  for (const auto& service : declared.services) {
    const ServiceHooks& hooks = declared.hooks.at(service.name);
    if (!service.reuse) {
      if (hooks.reset.is_valid())
        warn(service, fmt::format("service \"{}\": reset= is never called without reuse=True",
                                  service.name));
      continue;
    }
    if (!hooks.seed.is_valid() && !hooks.reset.is_valid()) {
      warn(
          service,
          fmt::format("service \"{}\" is reused with neither seed= nor reset=: each test sees what "
                      "those before it left",
                      service.name));
    }
    for (const auto& needed : service.depends_on) {
      if (declared.find_service(needed)->reuse) continue;
      warn(service,
           fmt::format("service \"{}\" is reused, but \"{}\", which it depends on, is not: "
                       "each later test starts a new one under it",
                       service.name, needed));
    }
  }
}

/// A property that is only made at the top level is never looked at.
void warn_of_properties(World& world) {
  const Declarations& declared = world.declarations;
  for (const Value& value : declared.properties) {
    if (declared.used.contains(value.object())) continue;
    const auto& property = starlark::host_cast<PropertyValue>(value)->value;
    world.add_message(
        LoadMessage::Level::warning, property.pos,
        fmt::format("{} is given to no test, so nothing checks it: name it in test(expect=…), or "
                    "make it in a test's body",
                    property.name()));
  }
}

void gather_globals(World& world, Thread& thread) {
  for (const auto& key : world.interpreter.loaded_keys()) {
    auto module = world.interpreter.load(thread, key);
    if (!module) continue;
    for (const auto& global : (*module)->globals()) {
      auto [first, last] = world.globals.equal_range(global.name);
      bool known = std::any_of(
          first, last, [&](const auto& other) { return other.second.identical(global.value); });
      if (!known) world.globals.emplace(global.name, global.value);
    }
  }
}

}  // namespace

LoadOutcome load(const fs::path& path) {
  LoadOutcome outcome;
  auto world = std::make_unique<World>(path);
  std::unique_ptr<LoadedSpec> spec;  // takes the world over, and must outlive the hold on its baton
  Task task{*world, TaskKind::load};
  starlark::Thread thread(world->interpreter, "load");
  thread.user = &task;
  BatonHold hold(world->baton);
  if (auto readable = require_readable(path); !readable) {
    outcome.messages.push_back(spec_error(
        *world, fmt::format("cannot read {}: {}", path.string(), readable.error().message), {}));
    return outcome;
  }
  auto module = world->interpreter.load(thread, fs::absolute(path).string());
  if (!module) {
    const auto& error = module.error();
    bool parsed = error.kind == starlark::DiagnosticKind::kEvaluation;
    auto problems = parsed
                        ? std::vector<starlark::Diagnostic>()
                        : world->interpreter.check({path.string(), world->files[error.pos.file]});
    if (problems.size() > 1 && error.pos.file == path.string()) {
      for (const auto& problem : problems)
        outcome.messages.push_back(render_error(*world, problem, "SPEC_SYNTAX"));
    } else {
      outcome.messages.push_back(
          render_error(*world, error, parsed ? "SPEC_LOAD_FAILED" : "SPEC_SYNTAX"));
    }
    return outcome;
  }
  discover(*world, **module);
  gather_globals(*world, thread);
  for (auto check : {check_callbacks, check_test_functions, check_filters, check_dependencies}) {
    outcome.messages = check(*world);
    if (!outcome.messages.empty()) return outcome;
  }
  warn_of_reuse(*world);
  warn_of_properties(*world);
  World& loaded = *world;
  spec = std::make_unique<LoadedSpec>(std::move(world));
  for (auto& fault : spec->unseen_faults())
    outcome.messages.push_back(spec_error(loaded, std::move(fault.why), std::move(fault.pos)));
  if (!outcome.messages.empty()) return outcome;
  outcome.messages = loaded.messages;
  outcome.spec = std::move(spec);
  return outcome;
}

}  // namespace mishap::spec
