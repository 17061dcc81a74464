// scenario, test, fault_assumption, fault_scenario, fault_matrix: what becomes a test.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "rules.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;
namespace types = starlark::types;

constexpr auto kDefaultTimeout = std::chrono::seconds(30);

Result<void> add_test(CallContext& call, TestDeclaration test) {
  World& world = world_of(call);
  for (const auto& other : world.declarations.tests) {
    if (other.info.name != test.info.name) continue;
    return call.error(
        fmt::format("{} is already declared at {}", test.info.name, other.info.pos.text()));
  }
  world.declarations.tests.push_back(std::move(test));
  return {};
}

/// Lambdas have no name of their own, so the second and later ones are numbered.
std::string scenario_name(CallContext& call, const Value& function) {
  std::string name = callable_name(function);
  if (name != "lambda") return name;
  const auto& tests = world_of(call).declarations.tests;
  auto taken = [&](const std::string& candidate) {
    return std::any_of(tests.begin(), tests.end(),
                       [&](const auto& t) { return t.info.name == "test_" + candidate; });
  };
  if (!taken(name)) return name;
  int number = 2;
  while (taken(fmt::format("lambda_{}", number))) ++number;
  return fmt::format("lambda_{}", number);
}

Result<std::vector<Value>> claim_monitors(CallContext& call, const Value& list) {
  std::vector<Value> monitors;
  for (const Value& item : list.as<starlark::List>().items()) {
    if (starlark::host_cast<MonitorValue>(item) == nullptr) {
      return call.error(fmt::format("monitors: got {}, want monitor", starlark::type_name(item)));
    }
    world_of(call).declarations.claimed.insert(item.object());
    monitors.push_back(item);
  }
  return monitors;
}

Result<Nanoseconds> timeout_of(CallContext& call, size_t index) {
  if (!call.has(index) || call.text(index).empty()) return Nanoseconds(kDefaultTimeout);
  MISHAP_ASSIGN(auto timeout, duration_argument(call, index));
  return timeout > Nanoseconds(0) ? timeout : Nanoseconds(kDefaultTimeout);
}

Result<void> take_drain(CallContext& call, size_t index, TestDeclaration& test) {
  if (!call.has(index)) return {};
  MISHAP_ASSIGN(test.drain, duration_argument(call, index));
  return {};
}

// --- scenario, test ---

Result<Value> declare_scenario(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  TestDeclaration test;
  std::string name = scenario_name(call, call[0]);
  test.info = {"test_" + name, "scenario", name, "", call.thread().caller_pos()};
  test.body = call[0];
  MISHAP_TRY(add_test(call, std::move(test)));
  return Value::none();
}

Result<Value> declare_test(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  if (call.text(0).empty()) return call.error("the name is empty");
  TestDeclaration test;
  test.info = {"test_" + std::string(call.text(0)), "test", "", "", call.thread().caller_pos()};
  test.body = call[1];
  if (call.has(2)) test.setup = call[2];
  MISHAP_ASSIGN(test.timeout, timeout_of(call, 3));
  MISHAP_TRY(take_drain(call, 4, test));
  MISHAP_TRY(add_test(call, std::move(test)));
  return Value::none();
}

// --- fault_assumption ---

enum AssumptionArg : size_t {
  kName,
  kTarget,
  kDescription,
  kMonitors,
  kFaults,
  kRules,
  kMayNotFire
};

Result<void> add_children(CallContext& call, const Value& list, Assumption& assumption) {
  for (const Value& item : list.as<starlark::List>().items()) {
    auto* child = starlark::host_cast<AssumptionValue>(item);
    if (child == nullptr) {
      return call.error(
          fmt::format("faults: got {}, want fault_assumption", starlark::type_name(item)));
    }
    auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    append(assumption.syscall_rules, child->value.syscall_rules);
    append(assumption.protocol_rules, child->value.protocol_rules);
    append(assumption.monitors, child->value.monitors);
  }
  return {};
}

/// Of two rules of one assumption for the same service and syscall, the last one counts.
void drop_overridden(Assumption& assumption) {
  auto& rules = assumption.syscall_rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    auto overridden = [&](const std::string& syscall) {
      return std::any_of(
          rules.begin() + static_cast<ptrdiff_t>(i) + 1, rules.end(), [&](const auto& later) {
            return later.service == rules[i].service && later.path_glob == rules[i].path_glob &&
                   later.to == rules[i].to &&
                   std::find(later.syscalls.begin(), later.syscalls.end(), syscall) !=
                       later.syscalls.end();
          });
    };
    std::erase_if(rules[i].syscalls, overridden);
  }
  std::erase_if(rules, [](const auto& rule) { return rule.syscalls.empty(); });
}

Result<void> add_own_rules(CallContext& call, Assumption& assumption) {
  bool needs_target = !call.kwargs().empty() || call.has(kRules);
  if (!call.has(kTarget)) {
    if (!needs_target) return {};
    return call.error(fmt::format("\"{}\": faults need target=", assumption.name));
  }
  const auto* service = service_argument(call[kTarget]);
  auto* ref = starlark::host_cast<InterfaceRef>(call[kTarget]);
  if (service == nullptr && ref != nullptr)
    service = world_of(call).declarations.find_service(ref->service);
  if (service == nullptr) {
    return call.error(fmt::format("target: got {}, want service or interface",
                                  starlark::type_name(call[kTarget])));
  }
  MISHAP_ASSIGN(auto syscalls, syscall_rules(call, *service, call.kwargs()));
  assumption.syscall_rules = std::move(syscalls);
  if (!call.has(kRules)) return {};
  if (ref == nullptr) {
    return call.error(
        fmt::format("rules= needs an interface as target, as in target={0}.{1}", service->name,
                    service->interfaces.empty() ? "INTERFACE" : service->interfaces[0].name));
  }
  MISHAP_ASSIGN(assumption.protocol_rules,
                protocol_rules(call, *ref, call.object<starlark::List>(kRules).items(), ""));
  return {};
}

void mark(Assumption& assumption, bool may_not_fire) {
  auto name = [&](fault::Declared& declared) {
    if (declared.assumption.empty()) declared.assumption = assumption.name;
    declared.may_not_fire = declared.may_not_fire || may_not_fire;
  };
  for (auto& rule : assumption.syscall_rules) name(rule.declared);
  for (auto& rule : assumption.protocol_rules) name(rule.declared);
}

Result<Value> make_assumption(CallContext& call) {
  Assumption assumption;
  assumption.name = call.text(kName);
  assumption.pos = call.thread().caller_pos();
  if (assumption.name.empty()) return call.error("the name is empty");
  if (call.has(kDescription)) assumption.description = call.text(kDescription);
  MISHAP_TRY(add_own_rules(call, assumption));
  if (call.has(kMonitors)) {
    MISHAP_ASSIGN(assumption.monitors, claim_monitors(call, call[kMonitors]));
  }
  if (call.has(kFaults)) MISHAP_TRY(add_children(call, call[kFaults], assumption));
  drop_overridden(assumption);
  mark(assumption, call.has(kMayNotFire) && call.boolean(kMayNotFire));

  World& world = world_of(call);
  auto& known = world.declarations.assumptions;
  if (auto earlier = known.find(assumption.name);
      earlier != known.end() && world.session == nullptr) {
    world.add_message(
        LoadMessage::Level::info, assumption.pos,
        fmt::format("fault_assumption \"{}\" replaces the one at {}", assumption.name,
                    starlark::host_cast<AssumptionValue>(earlier->second)->value.pos.text()));
  }
  std::string name = assumption.name;
  Value value = call.heap().make<AssumptionValue>(std::move(assumption));
  known[name] = value;
  return value;
}

// --- fault_scenario, fault_matrix ---

Result<std::vector<Value>> assumption_list(CallContext& call, const Value& value) {
  std::vector<Value> items;
  if (value.is_list()) {
    auto list = value.as<starlark::List>().items();
    items.assign(list.begin(), list.end());
  } else {
    items.push_back(value);
  }
  for (const Value& item : items) {
    if (starlark::host_cast<AssumptionValue>(item) != nullptr) continue;
    return call.error(
        fmt::format("faults: got {}, want fault_assumption", starlark::type_name(item)));
  }
  return items;
}

Result<Value> declare_fault_scenario(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  TestDeclaration test;
  std::string name(call.text(0));
  test.info = {"test_" + name, "fault_scenario", callable_name(call[1]), "",
               call.thread().caller_pos()};
  test.body = call[1];
  if (call.has(2)) {
    MISHAP_ASSIGN(test.assumptions, assumption_list(call, call[2]));
  }
  if (call.has(3)) test.expect = call[3];
  if (call.has(4)) {
    MISHAP_ASSIGN(test.monitors, claim_monitors(call, call[4]));
  }
  MISHAP_ASSIGN(test.timeout, timeout_of(call, 5));
  MISHAP_TRY(take_drain(call, 6, test));
  MISHAP_TRY(add_test(call, std::move(test)));
  return Value::none();
}

enum MatrixArg : size_t {
  kScenarios,
  kColumns,
  kDefaultExpect,
  kOverrides,
  kExclude,
  kMatrixMonitors,
  kRequireFire,
  kMatrixTimeout,
  kMatrixDrain
};

/// The matrix while it is being declared.
struct Matrix {
  std::vector<Value> scenarios, faults;
  MatrixInfo info;
  std::map<std::pair<size_t, size_t>, Value> overrides;
  std::set<std::pair<size_t, size_t>> excluded;
};

const std::string& assumption_name(const Value& value) {
  return starlark::host_cast<AssumptionValue>(value)->value.name;
}

/// Row and column of a (scenario, fault) pair: by identity first, then by name. Nothing when it is
/// outside the product.
std::optional<std::pair<size_t, size_t>> locate(const Matrix& matrix, const Value& key) {
  if (!key.is_tuple() || key.as<starlark::Tuple>().size() != 2) return std::nullopt;
  const Value& scenario = key.as<starlark::Tuple>()[0];
  const Value& fault = key.as<starlark::Tuple>()[1];
  if (starlark::host_cast<AssumptionValue>(fault) == nullptr || !starlark::is_callable(scenario))
    return std::nullopt;
  auto find = [](const std::vector<Value>& values, const Value& wanted,
                 auto name) -> std::optional<size_t> {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].identical(wanted)) return i;
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (name(values[i]) == name(wanted)) return i;
    }
    return std::nullopt;
  };
  auto row = find(matrix.scenarios, scenario, callable_name);
  auto column = find(matrix.faults, fault, assumption_name);
  if (!row || !column) return std::nullopt;
  return std::pair(*row, *column);
}

std::string pair_text(const Value& key) {
  if (!key.is_tuple() || key.as<starlark::Tuple>().size() != 2) return starlark::repr(key);
  const Value& fault = key.as<starlark::Tuple>()[1];
  auto* assumption = starlark::host_cast<AssumptionValue>(fault);
  return fmt::format("({}, {})", callable_name(key.as<starlark::Tuple>()[0]),
                     assumption != nullptr ? assumption->value.name : starlark::repr(fault));
}

void warn_outside(CallContext& call, std::string_view argument, const Value& key) {
  world_of(call).add_message(
      LoadMessage::Level::warning, call.thread().caller_pos(),
      fmt::format("fault_matrix: {} names {}, which is not a cell of this matrix", argument,
                  pair_text(key)));
}

Result<Matrix> read_matrix(CallContext& call) {
  Matrix matrix;
  auto scenarios = call.object<starlark::List>(kScenarios).items();
  matrix.scenarios.assign(scenarios.begin(), scenarios.end());
  MISHAP_ASSIGN(matrix.faults, assumption_list(call, call[kColumns]));
  if (matrix.scenarios.empty()) return call.error("scenarios is empty");
  if (matrix.faults.empty()) return call.error("faults is empty");
  for (const Value& scenario : matrix.scenarios) {
    if (!starlark::is_callable(scenario)) {
      return call.error(
          fmt::format("scenarios: got {}, want function", starlark::type_name(scenario)));
    }
    matrix.info.scenarios.push_back(callable_name(scenario));
  }
  for (const Value& fault : matrix.faults) matrix.info.faults.push_back(assumption_name(fault));
  if (call.has(kOverrides)) {
    for (const auto& entry : call.object<starlark::Dict>(kOverrides).table().entries()) {
      if (!entry.key.is_valid()) continue;
      if (!starlark::is_callable(entry.value) && !entry.value.is_none()) {
        return call.error(fmt::format("overrides: {} is given a {}, want function",
                                      pair_text(entry.key), starlark::type_name(entry.value)));
      }
      if (auto cell = locate(matrix, entry.key))
        matrix.overrides[*cell] = entry.value;
      else
        warn_outside(call, "overrides", entry.key);
    }
  }
  if (call.has(kExclude)) {
    for (const Value& key : call.object<starlark::List>(kExclude).items()) {
      if (auto cell = locate(matrix, key))
        matrix.excluded.insert(*cell);
      else
        warn_outside(call, "exclude", key);
    }
  }
  for (const auto& [row, column] : matrix.excluded) {
    matrix.info.excluded.emplace_back(matrix.info.scenarios[row], matrix.info.faults[column]);
  }
  return matrix;
}

Result<Value> declare_matrix(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_ASSIGN(Matrix matrix, read_matrix(call));
  TestDeclaration common;
  common.info.kind = "matrix";
  common.info.pos = call.thread().caller_pos();
  if (call.has(kMatrixMonitors)) {
    MISHAP_ASSIGN(common.monitors, claim_monitors(call, call[kMatrixMonitors]));
  }
  common.require_faults_fire = call.has(kRequireFire) && call.boolean(kRequireFire);
  MISHAP_ASSIGN(common.timeout, timeout_of(call, kMatrixTimeout));
  MISHAP_TRY(take_drain(call, kMatrixDrain, common));
  for (size_t row = 0; row < matrix.scenarios.size(); ++row) {
    for (size_t column = 0; column < matrix.faults.size(); ++column) {
      if (matrix.excluded.contains({row, column})) continue;
      TestDeclaration cell = common;
      cell.info.scenario = matrix.info.scenarios[row];
      cell.info.fault = matrix.info.faults[column];
      cell.info.name = fmt::format("test_matrix_{}_{}", cell.info.scenario, cell.info.fault);
      cell.body = matrix.scenarios[row];
      cell.assumptions = {matrix.faults[column]};
      if (call.has(kDefaultExpect)) cell.expect = call[kDefaultExpect];
      if (auto own = matrix.overrides.find({row, column}); own != matrix.overrides.end()) {
        cell.expect = own->second.is_none() ? Value() : own->second;
      }
      MISHAP_TRY(add_test(call, std::move(cell)));
    }
  }
  world_of(call).declarations.matrices.push_back(std::move(matrix.info));
  return Value::none();
}

}  // namespace

void install_tests(World& world) {
  define(world, Signature("scenario").required("fn", types::kCallable).positional_only(),
         declare_scenario);
  define(world,
         Signature("test")
             .required("name", types::kString)
             .required("body", types::kCallable)
             .nullable("setup", types::kCallable)
             .nullable("timeout", types::kString)
             .nullable("drain", types::kString),
         declare_test);
  define(world,
         Signature("fault_assumption")
             .required("name", types::kString)
             .positional_only()
             .keyword_only()
             .nullable("target")
             .nullable("description", types::kString)
             .nullable("monitors", types::kList)
             .nullable("faults", types::kList)
             .nullable("rules", types::kList)
             .nullable("may_not_fire", types::kBool)
             .kwargs(),
         make_assumption);
  define(world,
         Signature("fault_scenario")
             .required("name", types::kString)
             .positional_only()
             .keyword_only()
             .required("scenario", types::kCallable)
             .nullable("faults")
             .nullable("expect", types::kCallable)
             .nullable("monitors", types::kList)
             .nullable("timeout", types::kString)
             .nullable("drain", types::kString),
         declare_fault_scenario);
  define(world,
         Signature("fault_matrix")
             .keyword_only()
             .required("scenarios", types::kList)
             .required("faults", types::kList)
             .nullable("default_expect", types::kCallable)
             .nullable("overrides", types::kDict)
             .nullable("exclude", types::kList)
             .nullable("monitors", types::kList)
             .nullable("require_faults_fire", types::kBool)
             .nullable("timeout", types::kString)
             .nullable("drain", types::kString),
         declare_matrix);
}

}  // namespace mishap::spec
