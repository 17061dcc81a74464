#include "test_arguments.h"

#include <fmt/format.h>

#include "binding.h"
#include "values.h"

namespace mishap::spec {
namespace {

constexpr auto kDefaultTimeout = std::chrono::seconds(30);

}  // namespace

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

Result<std::vector<Value>> claim_monitors(CallContext& call, const Value& list) {
  std::vector<Value> monitors;
  for (const Value& item : list.as<starlark::List>().items()) {
    if (starlark::host_cast<MonitorValue>(item) == nullptr)
      return wrong_type(call, item_name("monitors", monitors.size()), item,
                        starlark::types::host("monitor"));
    world_of(call).declarations.claimed.insert(item.object());
    monitors.push_back(item);
  }
  return monitors;
}

Result<Nanoseconds> timeout_of(CallContext& call, size_t index) {
  if (!call.has(index) || call.text(index).empty()) return Nanoseconds(kDefaultTimeout);
  return positive_duration(call, "timeout", call.text(index));
}

Result<void> take_drain(CallContext& call, size_t index, TestDeclaration& test) {
  if (!call.has(index)) return {};
  MISHAP_ASSIGN(test.drain, duration_argument(call, index));
  if (test.drain < Nanoseconds(0))
    return call.error(fmt::format("drain=\"{}\" must not be below 0", call.text(index)));
  return {};
}

Result<std::vector<Value>> assumption_predicates(CallContext& call, size_t index) {
  MISHAP_ASSIGN(auto items, starlark::to_vector(call.thread(), call[index]));
  for (size_t i = 0; i < items.size(); ++i) {
    std::string name = item_name("assume", i);
    if (!items[i].is_bool() && !starlark::is_callable(items[i]))
      return wrong_type(call, name, items[i], kAssumePredicate);
    if (!items[i].is_bool()) MISHAP_TRY(require_arity(call, name, items[i], kChoices));
  }
  return items;
}

Result<std::vector<Value>> assumption_list(CallContext& call, const Value& value) {
  std::vector<Value> items;
  if (value.is_list()) {
    auto list = value.as<starlark::List>().items();
    items.assign(list.begin(), list.end());
  } else {
    items.push_back(value);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    if (starlark::host_cast<AssumptionValue>(items[i]) != nullptr) continue;
    return wrong_type(call, value.is_list() ? item_name("faults", i) : "faults", items[i],
                      kAssumption);
  }
  return items;
}

}  // namespace mishap::spec
