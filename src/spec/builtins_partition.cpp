// partition, partition_start, partition_stop: nothing passes between two services for a while.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/unseen.h"

#include "binding.h"
#include "values.h"
#include "windows.h"
#include "world.h"

namespace mishap::spec {
namespace {

using fault::PartitionDirection;
using fault::PartitionRule;
using starlark::Signature;
namespace types = starlark::types;

enum PartitionArg : size_t { kA, kB, kDirection, kRun };

Result<const engine::Service*> side(const CallContext& call, size_t index,
                                    std::string_view parameter) {
  const auto* service = service_argument(call[index]);
  if (service == nullptr) return wrong_type(call, parameter, call[index], kServiceType);
  if (service->source == engine::Service::Source::remote) {
    return call.error(
        fmt::format("\"{}\" is remote: what runs elsewhere cannot be cut off", service->name));
  }
  return service;
}

Result<PartitionDirection> direction_of(const CallContext& call) {
  if (!call.has(kDirection)) return PartitionDirection::both;
  constexpr std::array kAll = {PartitionDirection::both, PartitionDirection::a_to_b,
                               PartitionDirection::b_to_a};
  std::vector<std::string> names;
  for (PartitionDirection direction : kAll) {
    if (call.text(kDirection) == to_string(direction)) return direction;
    names.emplace_back(to_string(direction));
  }
  return call.error(fmt::format("unknown direction \"{}\"{}", call.text(kDirection),
                                nearest_or_all(call.text(kDirection), names)));
}

/// The two sides as they stand in the call.
Result<PartitionRule> sides_of(const CallContext& call) {
  MISHAP_ASSIGN(const auto* a, side(call, kA, "a"));
  MISHAP_ASSIGN(const auto* b, side(call, kB, "b"));
  if (a->name == b->name) {
    return call.error(
        fmt::format("both sides are \"{}\"; a partition is between two services", a->name));
  }
  PartitionRule rule;
  rule.a = a->name;
  rule.b = b->name;
  return rule;
}

Result<PartitionRule> rule_of(const CallContext& call) {
  MISHAP_ASSIGN(PartitionRule rule, sides_of(call));
  MISHAP_ASSIGN(rule.direction, direction_of(call));
  rule.declared.pos = call.thread().caller_pos();
  rule.declared.text =
      fmt::format("partition({}, {}{})", rule.a, rule.b,
                  rule.direction == PartitionDirection::both
                      ? ""
                      : fmt::format(", direction=\"{}\"", to_string(rule.direction)));
  const auto& services = world_of(call).declarations.services;
  if (cell::interfaces_between(services, rule).empty()) {
    return call.error(
        fmt::format("neither \"{}\" nor \"{}\" declares an interface, so there is no connection "
                    "between them to cut",
                    rule.a, rule.b));
  }
  if (auto why = cell::unseen(services, rule)) return call.error(*why);
  return rule;
}

cell::WindowPlan window_of(const PartitionRule& rule) {
  cell::WindowPlan window;
  window.pos = rule.declared.pos;
  window.partitions = {rule};
  return window;
}

/// "partition_api_db", "partition_api_to_db": what is named like it means the same.
std::string name_of(const PartitionRule& rule) {
  switch (rule.direction) {
    case PartitionDirection::both:
      break;
    case PartitionDirection::a_to_b:
      return fmt::format("partition_{}_to_{}", rule.a, rule.b);
    case PartitionDirection::b_to_a:
      return fmt::format("partition_{}_to_{}", rule.b, rule.a);
  }
  return fmt::format("partition_{}_{}", rule.a, rule.b);
}

/// Without run= it is an assumption, for faults=[…].
Value assumption_of(CallContext& call, PartitionRule rule) {
  Assumption assumption;
  assumption.name = name_of(rule);
  assumption.pos = rule.declared.pos;
  rule.declared.assumption = assumption.name;
  assumption.partitions = {std::move(rule)};
  auto& known = world_of(call).declarations.assumptions;
  std::string name = assumption.name;
  Value value = call.heap().make<AssumptionValue>(std::move(assumption));
  known.try_emplace(std::move(name), value);
  return value;
}

Result<Value> partition(CallContext& call) {
  if (!call.has(kRun)) {
    if (world_of(call).session != nullptr) {
      return call.error(
          "missing argument for run: the function to call while the partition is on; without one "
          "it is a column for faults=[…], made at the top level");
    }
    MISHAP_ASSIGN(PartitionRule rule, rule_of(call));
    return assumption_of(call, std::move(rule));
  }
  MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
  MISHAP_TRY(require_arity(call, "run", call[kRun], {}));
  MISHAP_ASSIGN(PartitionRule rule, rule_of(call));
  return run_within(call, window_of(rule), call[kRun]);
}

/// Whichever side is named first.
std::pair<std::string, std::string> pair_of(const PartitionRule& rule) {
  return std::minmax(rule.a, rule.b);
}

Result<Value> partition_start(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  MISHAP_ASSIGN(PartitionRule rule, rule_of(call));
  auto& started = world_of(call).started_partitions;
  if (started.contains(pair_of(rule))) {
    return call.error(
        fmt::format("\"{0}\" and \"{1}\" are partitioned already; "
                    "partition_stop({0}, {1}) ends that",
                    rule.a, rule.b));
  }
  cell::WindowPlan window = window_of(rule);
  window.until_stopped = true;
  auto handle = session->open(window);
  if (!handle) return call.error(handle.error().message);
  started[pair_of(rule)] = *handle;
  return Value::none();
}

Result<Value> partition_stop(CallContext& call) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  MISHAP_ASSIGN(PartitionRule rule, sides_of(call));
  auto& started = world_of(call).started_partitions;
  auto found = started.find(pair_of(rule));
  if (found == started.end()) {
    return call.error(
        fmt::format("no partition_start between \"{}\" and \"{}\" is on", rule.a, rule.b));
  }
  session->close(found->second);
  started.erase(found);
  return Value::none();
}

}  // namespace

void install_partitions(World& world) {
  define(world,
         Signature("partition")
             .required("a")
             .required("b")
             .keyword_only()
             .optional("direction", types::kString)
             .nullable("run", types::kCallable.described("function, uncalled")),
         partition);
  define(world,
         Signature("partition_start")
             .required("a")
             .required("b")
             .keyword_only()
             .optional("direction", types::kString),
         partition_start);
  define(world, Signature("partition_stop").required("a").required("b"), partition_stop);
}

}  // namespace mishap::spec
