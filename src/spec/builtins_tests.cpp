// scenario, test, fault_assumption, fault_scenario: what becomes a test.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "composition.h"
#include "rules.h"
#include "test_arguments.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;
namespace types = starlark::types;

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

/// Names stand in reports and on command lines.
Result<std::string> name_of(CallContext& call) {
  std::string name(call.text(0));
  if (name.empty()) return call.error("the name is empty");
  bool control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 127;
  });
  if (control)
    return call.error(
        fmt::format("the name {} has control characters in it", starlark::repr(call[0])));
  return name;
}

// --- scenario, test ---

Result<Value> declare_scenario(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_TRY(require_arity(call, "fn", call[0], {}));
  TestDeclaration test;
  std::string name = scenario_name(call, call[0]);
  test.info = {"test_" + name, "scenario", name, "", call.thread().caller_pos()};
  test.body = call[0];
  MISHAP_TRY(add_test(call, std::move(test)));
  return Value::none();
}

enum TestArg : size_t {
  kTestName,
  kBody,
  kSetup,
  kExpect,
  kTimeout,
  kTerminateWhen,
  kAssume,
  kClock,
  kDrain
};

const starlark::TypeSet kProperty =
    starlark::TypeSet(std::vector<std::string>{"eventually", "always"})
        .described("eventually(…) or always(…)");

/// A property that a test lists. A function instead is the commonest slip: other tests take one.
Result<Value> take_property(CallContext& call, std::string_view parameter, const Value& value) {
  if (starlark::host_cast<PropertyValue>(value) == nullptr) {
    if (!starlark::is_callable(value)) return wrong_type(call, parameter, value, kProperty);
    return call.error(fmt::format(
        "for parameter {}: a test expects eventually(…) or always(…); a function of the result is "
        "for fault_scenario and fault_matrix",
        parameter));
  }
  world_of(call).declarations.used.insert(value.object());
  return value;
}

Result<void> take_expectations(CallContext& call, TestDeclaration& test) {
  if (!call.has(kExpect)) return {};
  const Value& expect = call[kExpect];
  if (!expect.is_list() && !expect.is_tuple()) {
    MISHAP_ASSIGN(Value property, take_property(call, "expect", expect));
    test.properties.push_back(std::move(property));
    return {};
  }
  MISHAP_ASSIGN(auto items, starlark::to_vector(call.thread(), expect));
  for (const Value& item : items) {
    MISHAP_ASSIGN(Value property,
                  take_property(call, item_name("expect", test.properties.size()), item));
    test.properties.push_back(std::move(property));
  }
  return {};
}

Result<void> take_terminator(CallContext& call, TestDeclaration& test) {
  if (!call.has(kTerminateWhen)) return {};
  MISHAP_ASSIGN(test.terminate_when, take_property(call, "terminate_when", call[kTerminateWhen]));
  const auto& declared = starlark::host_cast<PropertyValue>(test.terminate_when)->value;
  if (declared.kind == monitor::PropertyKind::always && !declared.to.given()) {
    return call.error(
        "for parameter terminate_when: an always() without an end never says that it held; give it "
        "between=");
  }
  return {};
}

Result<Value> declare_test(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_ASSIGN(std::string name, name_of(call));
  MISHAP_TRY(require_arity(call, "body", call[kBody], {}));
  if (call.has(kSetup)) MISHAP_TRY(require_arity(call, "setup", call[kSetup], {}));
  TestDeclaration test;
  test.info = {"test_" + name, "test", "", "", call.thread().caller_pos()};
  test.body = call[kBody];
  if (call.has(kSetup)) test.setup = call[kSetup];
  MISHAP_TRY(take_expectations(call, test));
  MISHAP_ASSIGN(test.timeout, timeout_of(call, kTimeout));
  MISHAP_TRY(take_terminator(call, test));
  if (call.has(kAssume)) {
    MISHAP_ASSIGN(test.assume, assumption_predicates(call, kAssume));
  }
  MISHAP_TRY(check_clock(call, kClock));
  MISHAP_TRY(take_drain(call, kDrain, test));
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
  auto items = list.as<starlark::List>().items();
  for (const Value& item : items) {
    auto* child = starlark::host_cast<AssumptionValue>(item);
    if (child == nullptr)
      return wrong_type(call, item_name("faults", static_cast<size_t>(&item - items.data())), item,
                        kAssumption);
    append_new(assumption.syscall_rules, child->value.syscall_rules);
    append_new(assumption.protocol_rules, child->value.protocol_rules);
    append_new(assumption.partitions, child->value.partitions);
    assumption.monitors.insert(assumption.monitors.end(), child->value.monitors.begin(),
                               child->value.monitors.end());
  }
  return {};
}

/// Which of the rules behind the i-th takes this call from it; null when none does.
const fault::SyscallRule* overriding(const std::vector<fault::SyscallRule>& rules, size_t i,
                                     const std::string& syscall) {
  for (size_t j = i + 1; j < rules.size(); ++j) {
    const auto& later = rules[j];
    if (later.service == rules[i].service && later.path_glob == rules[i].path_glob &&
        later.to == rules[i].to &&
        std::find(later.syscalls.begin(), later.syscalls.end(), syscall) != later.syscalls.end())
      return &later;
  }
  return nullptr;
}

/// Of two rules of one assumption for the same service and syscall, the last one counts. Says so
/// where that leaves nothing of a rule.
void drop_overridden(CallContext& call, Assumption& assumption) {
  auto& rules = assumption.syscall_rules;
  for (size_t i = 0; i < rules.size(); ++i) {
    const fault::SyscallRule* by = nullptr;
    std::erase_if(rules[i].syscalls, [&](const std::string& syscall) {
      const auto* later = overriding(rules, i, syscall);
      if (later != nullptr) by = later;
      return later != nullptr;
    });
    if (!rules[i].syscalls.empty() || by == nullptr) continue;
    world_of(call).add_message(
        LoadMessage::Level::info, assumption.pos,
        fmt::format(
            "fault_assumption \"{}\": {} on {} takes the place of {}, which is for the same "
            "calls; the last one counts",
            assumption.name, by->declared.text, by->service, rules[i].declared.text));
  }
  std::erase_if(rules, [](const auto& rule) { return rule.syscalls.empty(); });
}

Result<void> add_own_rules(CallContext& call, Assumption& assumption) {
  bool needs_target = !call.kwargs().empty() || call.has(kRules);
  if (!call.has(kTarget)) {
    if (!needs_target) return {};
    return call.error(fmt::format(
        "\"{}\": faults need target=, the service or interface that they befall", assumption.name));
  }
  const auto* service = service_argument(call[kTarget]);
  auto* ref = starlark::host_cast<InterfaceRef>(call[kTarget]);
  if (service == nullptr && ref != nullptr)
    service = world_of(call).declarations.find_service(ref->service);
  if (service == nullptr) return wrong_type(call, "target", call[kTarget], kServiceOrInterfaceType);
  static const std::vector<std::string> kParameters = {"target", "description", "monitors",
                                                       "faults", "rules",       "may_not_fire"};
  if (!needs_target) {
    return call.error(
        fmt::format("\"{}\" has a target and no fault; write one, such as write=deny(\"EIO\")",
                    assumption.name));
  }
  MISHAP_ASSIGN(auto syscalls, syscall_rules(call, *service, call.kwargs(), kParameters));
  assumption.syscall_rules = std::move(syscalls);
  if (!call.has(kRules)) return {};
  if (ref == nullptr) {
    return call.error(
        fmt::format("rules= needs an interface as target, as in target={0}.{1}", service->name,
                    service->interfaces.empty() ? "INTERFACE" : service->interfaces[0].name));
  }
  auto rules = call.object<starlark::List>(kRules).items();
  if (rules.empty()) return call.error("rules is empty");
  MISHAP_ASSIGN(assumption.protocol_rules, protocol_rules(call, *ref, rules, ""));
  return {};
}

void mark(Assumption& assumption, bool may_not_fire) {
  auto name = [&](fault::Declared& declared) {
    if (declared.assumption.empty()) declared.assumption = assumption.name;
    declared.may_not_fire = declared.may_not_fire || may_not_fire;
  };
  for (auto& rule : assumption.syscall_rules) name(rule.declared);
  for (auto& rule : assumption.protocol_rules) name(rule.declared);
  for (auto& rule : assumption.partitions) name(rule.declared);
}

Result<Value> make_assumption(CallContext& call) {
  Assumption assumption;
  MISHAP_ASSIGN(assumption.name, name_of(call));
  assumption.pos = call.thread().caller_pos();
  if (call.has(kDescription)) assumption.description = call.text(kDescription);
  MISHAP_TRY(add_own_rules(call, assumption));
  if (call.has(kMonitors)) {
    MISHAP_ASSIGN(assumption.monitors, claim_monitors(call, call[kMonitors]));
  }
  if (call.has(kFaults)) MISHAP_TRY(add_children(call, call[kFaults], assumption));
  drop_overridden(call, assumption);
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

// --- fault_scenario ---

Result<Value> declare_fault_scenario(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  MISHAP_ASSIGN(std::string name, name_of(call));
  MISHAP_TRY(require_arity(call, "scenario", call[1], {}));
  if (call.has(3)) MISHAP_TRY(require_arity(call, "expect", call[3], kResult));
  TestDeclaration test;
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

}  // namespace

void install_tests(World& world) {
  define(world, Signature("scenario").required("fn", types::kCallable).positional_only(),
         declare_scenario);
  define(world,
         Signature("test")
             .required("name", types::kString)
             .required("body", types::kCallable)
             .nullable("setup", types::kCallable)
             .nullable("expect")
             .nullable("timeout", kDurationType)
             .nullable("terminate_when")
             .nullable("assume", types::kList | types::kTuple)
             .nullable("clock", types::kString)
             .nullable("drain", kDurationType),
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
             .nullable("timeout", kDurationType)
             .nullable("drain", kDurationType),
         declare_fault_scenario);
}

}  // namespace mishap::spec
