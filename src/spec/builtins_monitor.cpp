// monitor, in both forms, and match.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "matching.h"
#include "monitors.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;
namespace types = starlark::types;

/// What callbacks are called with.
constexpr const char* kEvent[] = {"the event"};
constexpr const char* kEventAndState[] = {"the event", "the state"};

/// Both forms take their first argument by position; the newer one takes all by position or by
/// name, in this order.
struct MonitorArgs {
  Value first;  ///< a name or a function
  Value on, state_init, update, check, service, name;
};

enum MonitorKeyword : size_t { kName, kOn, kStateInit, kUpdate, kCheck, kService };

Result<MonitorArgs> monitor_args(const CallContext& call) {
  MonitorArgs args;
  Value* const by_position[] = {&args.first, &args.on, &args.state_init, &args.update, &args.check};
  if (call.varargs().size() > std::size(by_position)) {
    return call.error(
        fmt::format("got {} positional arguments, want at most 5", call.varargs().size()));
  }
  for (size_t i = 0; i < call.varargs().size(); ++i) *by_position[i] = call.varargs()[i];
  Value* const by_name[] = {&args.name,   &args.on,    &args.state_init,
                            &args.update, &args.check, &args.service};
  for (size_t i = 0; i < std::size(by_name); ++i) {
    if (call.has(i)) *by_name[i] = call[i];
  }
  if (!args.first.is_valid()) std::swap(args.first, args.name);
  if (!args.first.is_valid()) return call.error("missing argument for name");
  return args;
}

Result<std::string> monitored_service(const CallContext& call, const Value& service) {
  if (!service.is_valid()) return std::string();
  if (const auto* declared = service_argument(service)) return declared->name;
  if (!service.is_string()) {
    return wrong_type(call, "service", service,
                      types::kString.described("service, or the name of one"));
  }
  std::string name(service.text());
  if (std::string unknown = unknown_service(world_of(call).declarations, name); !unknown.empty())
    return call.error(unknown);
  return name;
}

/// monitor(fn, service=…, name=…): called for every event of the finished trace.
Result<MonitorDeclaration> finished_form(const CallContext& call, const MonitorArgs& args) {
  MonitorDeclaration monitor;
  monitor.finished_trace = true;
  MISHAP_TRY(require_arity(call, "fn", args.first, kEvent));
  monitor.on_event = args.first;
  monitor.name = args.name.is_string() ? std::string(args.name.text()) : callable_name(args.first);
  for (const Value& other : {args.on, args.state_init, args.update, args.check}) {
    if (!other.is_valid()) continue;
    return call.error(
        "a function as first argument goes with service= and name= only; the other form is "
        "monitor(\"name\", on=…, update=…, check=…)");
  }
  return monitor;
}

/// monitor("name", on=…, state_init=…, update=…, check=…): as events arrive.
Result<MonitorDeclaration> stream_form(const CallContext& call, const MonitorArgs& args) {
  MonitorDeclaration monitor;
  monitor.name = args.first.text();
  if (monitor.name.empty()) return call.error("the name is empty");
  if (!args.on.is_valid())
    return call.error("missing argument for on: a matcher such as match.event(type=\"stdout\")");
  monitor.on = args.on;
  MISHAP_TRY(require_matcher(call, "on", monitor.on));
  if (!args.update.is_valid() && !args.check.is_valid())
    return call.error("has neither update= nor check=, so it could never be violated");
  for (const auto& [name, callback] :
       {std::pair("update", args.update), std::pair("check", args.check)}) {
    if (!callback.is_valid()) continue;
    if (!starlark::is_callable(callback))
      return wrong_type(call, name, callback, types::kCallable.described("function"));
    MISHAP_TRY(require_arity(call, name, callback, kEventAndState));
  }
  monitor.state_init = args.state_init;
  monitor.update = args.update;
  monitor.check = args.check;
  return monitor;
}

Result<Value> make_monitor(CallContext& call) {
  World& world = world_of(call);
  TaskKind kind = task_of(call.thread()).kind;
  if (kind != TaskKind::load && kind != TaskKind::setup && kind != TaskKind::body) {
    return call.error("declare monitors at the top level of the spec or in a test");
  }
  MISHAP_ASSIGN(auto args, monitor_args(call));
  bool named = args.first.is_string();
  if (!named && !starlark::is_callable(args.first)) {
    return wrong_type(call, "name", args.first,
                      types::kCallable.described("name, or function for every event"));
  }
  MISHAP_ASSIGN(auto monitor, named ? stream_form(call, args) : finished_form(call, args));
  MISHAP_ASSIGN(monitor.service, monitored_service(call, args.service));
  monitor.pos = call.thread().caller_pos();
  Value value = call.heap().make<MonitorValue>(std::move(monitor));
  if (kind == TaskKind::load) {
    world.declarations.monitors.push_back(value);
  } else if (world.session != nullptr) {
    start_monitor(world, value);
  }
  return value;
}

Result<std::vector<Value>> matchers(const CallContext& call) {
  for (const Value& value : call.varargs()) {
    if (starlark::host_cast<MatcherValue>(value) != nullptr) continue;
    auto index = static_cast<size_t>(&value - call.varargs().data());
    return wrong_type(call, std::to_string(index + 1), value, types::host("matcher"));
  }
  return std::vector<Value>(call.varargs().begin(), call.varargs().end());
}

Result<Value> match_event(CallContext& call) {
  MISHAP_ASSIGN(auto filter, criteria_argument(call, call.kwargs()));
  return call.heap().make<MatcherValue>(MatcherValue::Kind::event, std::move(filter),
                                        std::vector<Value>());
}

Result<Value> combine(CallContext& call, MatcherValue::Kind kind) {
  MISHAP_ASSIGN(auto parts, matchers(call));
  return call.heap().make<MatcherValue>(kind, event::Filter(), std::move(parts));
}

}  // namespace

void install_monitors(World& world) {
  Heap& heap = world.interpreter.heap();
  define(world,
         Signature("monitor")
             .varargs()
             .nullable("name", types::kString)
             .nullable("on")
             .nullable("state_init")
             .nullable("update")
             .nullable("check")
             .nullable("service"),
         make_monitor);
  using Kind = MatcherValue::Kind;
  world.interpreter.predeclare(
      "match",
      heap.make<starlark::NamespaceObject>(
          "match",
          std::vector<std::pair<std::string, Value>>{
              {"event",
               starlark::make_builtin(heap, Signature("match.event").kwargs(), match_event)},
              {"any",
               starlark::make_builtin(heap, Signature("match.any").varargs(),
                                      [](CallContext& call) { return combine(call, Kind::any); })},
              {"all",
               starlark::make_builtin(heap, Signature("match.all").varargs(),
                                      [](CallContext& call) { return combine(call, Kind::all); })},
              {"never",
               starlark::make_builtin(heap, Signature("match.never"), [](CallContext& call) {
                 return combine(call, Kind::never);
               })}}));
}

}  // namespace mishap::spec
