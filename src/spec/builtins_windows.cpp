// fault, fault_all, fault_start, fault_stop, trace and its like: faults for a while; and parallel.
#include <thread>

#include <fmt/format.h>

#include "binding.h"
#include "monitors.h"
#include "rules.h"
#include "values.h"
#include "windows.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::KeywordArg;
using starlark::Signature;
namespace types = starlark::types;

Result<Value> require_run(const CallContext& call, std::vector<KeywordArg>& rest) {
  MISHAP_ASSIGN(Value run,
                take_keyword(call, rest, "run", types::kCallable.described("function, uncalled")));
  if (!run.is_valid())
    return call.error("missing argument for run: the function to call while the fault is on");
  MISHAP_TRY(require_arity(call, "run", run, {}));
  return run;
}

Result<std::string> take_source(const CallContext& call, std::vector<KeywordArg>& rest) {
  Value source = take_keyword(rest, "source");
  if (!source.is_valid() || source.is_none()) return std::string();
  const auto* service = service_argument(source);
  if (service == nullptr) return wrong_type(call, "source", source, kServiceType);
  return service->name;
}

fault::LinkRule link_rule(fault::LinkRule rule, const InterfaceRef& ref,
                          const std::string& source) {
  rule.service = ref.service;
  rule.interface = ref.interface.name;
  rule.source = source;
  return rule;
}

const std::vector<std::string> kWindowParameters = {"run", "source"};

/// An argument that must be a service.
Result<const engine::Service*> require_service(const CallContext& call, std::string_view parameter,
                                               const Value& value) {
  const auto* service = service_argument(value);
  if (service == nullptr) return wrong_type(call, parameter, value, kServiceType);
  return service;
}

/// Rules of an interface that are given to its service: says which interface there is.
tl::unexpected<Error> rules_on_service(const CallContext& call, const engine::Service& service) {
  std::string interface = service.interfaces.empty() ? "INTERFACE" : service.interfaces[0].name;
  return call.error(fmt::format("rules such as error(…) belong to an interface: fault({}.{}, …)",
                                service.name, interface));
}

/// What fault(target, …) opens; `rest` holds the keywords that are left after run=.
Result<cell::WindowPlan> window_of(CallContext& call, const Value& target,
                                   std::span<const Value> positional,
                                   std::vector<KeywordArg> rest) {
  cell::WindowPlan window;
  window.pos = call.thread().caller_pos();
  if (auto* assumption = starlark::host_cast<AssumptionValue>(target)) {
    if (!rest.empty() || !positional.empty())
      return call.error("takes no further faults beside an assumption");
    window.assumption = assumption->value.name;
    window.syscall_rules = assumption->value.syscall_rules;
    window.protocol_rules = assumption->value.protocol_rules;
    window.partitions = assumption->value.partitions;
    return window;
  }
  if (auto* ref = starlark::host_cast<InterfaceRef>(target)) {
    MISHAP_ASSIGN(auto source, take_source(call, rest));
    for (const auto& [name, value] : rest) {
      if (starlark::host_cast<SyscallFaultValue>(value) == nullptr) continue;
      return call.error(fmt::format("{0}= is a fault of the service: fault({1}, {0}=…)",
                                    name.text(), ref->service));
    }
    MISHAP_TRY(refuse_rest(call, rest, {"run", "source"}));
    if (positional.empty())
      return call.error("needs at least one rule, such as error(…) or drop(…)");
    std::vector<Value> requests;
    for (const Value& rule : positional) {
      if (auto* packets = starlark::host_cast<PacketFaultValue>(rule))
        window.links.push_back(link_rule(packets->value, *ref, source));
      else
        requests.push_back(rule);
    }
    if (requests.empty()) return window;
    MISHAP_ASSIGN(window.protocol_rules, protocol_rules(call, *ref, requests, source));
    return window;
  }
  const auto* service = service_argument(target);
  if (service == nullptr) {
    return wrong_type(call, "target", target,
                      kServiceType.described("service, interface or fault_assumption"));
  }
  if (!positional.empty()) return rules_on_service(call, *service);
  if (rest.empty()) return call.error("names no fault, as in write=deny(\"EIO\")");
  MISHAP_ASSIGN(window.syscall_rules, syscall_rules(call, *service, rest, kWindowParameters));
  return window;
}

/// The monitors of an assumption watch while it is on; those over the finished trace stay until
/// there is one.
class MonitorScope {
 public:
  MonitorScope(World& world, const Value& target) : world_(world), session_(*world.session) {
    auto* assumption = starlark::host_cast<AssumptionValue>(target);
    if (assumption == nullptr) return;
    for (const Value& monitor : assumption->value.monitors) {
      auto spec = start_monitor(world, monitor);
      if (spec.kind == monitor::Kind::stream) streams_.push_back(spec.id);
    }
  }
  ~MonitorScope() {
    if (streams_.empty()) return;
    {
      // What happened meanwhile may not be an event yet.
      BatonRest rest(world_.baton);
      session_.catch_up();
    }
    for (uint64_t id : streams_) session_.monitors().remove(id);
  }
  MonitorScope(const MonitorScope&) = delete;
  MonitorScope& operator=(const MonitorScope&) = delete;

 private:
  World& world_;
  cell::Session& session_;
  std::vector<uint64_t> streams_;
};

Result<Value> fault_during(CallContext& call) {
  MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
  std::vector<KeywordArg> rest(call.kwargs().begin(), call.kwargs().end());
  MISHAP_ASSIGN(Value run, require_run(call, rest));
  MISHAP_ASSIGN(auto window, window_of(call, call[0], call.varargs(), std::move(rest)));
  MonitorScope monitors(world_of(call), call[0]);
  return run_within(call, window, run);
}

Result<Value> fault_all(CallContext& call) {
  MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
  std::vector<KeywordArg> rest(call.kwargs().begin(), call.kwargs().end());
  MISHAP_ASSIGN(Value run, require_run(call, rest));
  auto targets = call.object<starlark::List>(0).items();
  if (targets.empty()) return call.error("the list of services is empty");
  cell::WindowPlan all;
  all.pos = call.thread().caller_pos();
  for (const Value& target : targets) {
    auto index = static_cast<size_t>(&target - targets.data());
    MISHAP_TRY(require_service(call, item_name("services", index), target).map([](auto*) {}));
    MISHAP_ASSIGN(auto window, window_of(call, target, {}, rest));
    all.syscall_rules.insert(all.syscall_rules.end(), window.syscall_rules.begin(),
                             window.syscall_rules.end());
  }
  return run_within(call, all, run);
}

/// Windows that fault_start and trace_start left open, per service and kind.
uint64_t started_key(const engine::Service& service, bool trace) {
  return std::hash<std::string>()(service.name) * 2 + (trace ? 1 : 0);
}

Result<Value> start(CallContext& call, const cell::WindowPlan& window,
                    const engine::Service& service) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  cell::WindowPlan started = window;
  started.until_stopped = true;
  auto handle = session->open(started);
  if (!handle) return call.error(handle.error().message);
  world_of(call).started_windows[started_key(service, window.trace_only)].push_back(*handle);
  return Value::none();
}

Result<Value> stop(CallContext& call, bool trace) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  MISHAP_ASSIGN(const auto* service, require_service(call, "service", call[0]));
  auto& started = world_of(call).started_windows[started_key(*service, trace)];
  for (auto handle = started.rbegin(); handle != started.rend(); ++handle) session->close(*handle);
  started.clear();
  return Value::none();
}

Result<Value> fault_start(CallContext& call) {
  MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
  MISHAP_ASSIGN(const auto* service, require_service(call, "service", call[0]));
  MISHAP_ASSIGN(auto window,
                window_of(call, call[0], {}, {call.kwargs().begin(), call.kwargs().end()}));
  return start(call, window, *service);
}

Result<cell::WindowPlan> trace_window(CallContext& call) {
  MISHAP_ASSIGN(const auto* service, require_service(call, "service", call[0]));
  MISHAP_ASSIGN(auto names, string_list(call, 1, "syscalls"));
  if (names.empty()) return call.error("syscalls is empty");
  cell::WindowPlan window;
  window.pos = call.thread().caller_pos();
  window.trace_only = true;
  MISHAP_ASSIGN(window.syscall_rules, trace_rules(call, *service, names));
  return window;
}

// --- parallel ---

struct Branch {
  Value function;
  std::unique_ptr<Thread> thread;
  std::optional<starlark::Outcome> outcome;
};

/// Of branches that failed, which one tells why: one that was merely stopped does not.
bool tells_more(const starlark::EvalError& a, const starlark::EvalError& b) {
  auto rank = [](const starlark::EvalError& error) {
    return error.code == kWaitCancelled ? 1 : error.cancelled ? 0 : 2;
  };
  return rank(a) > rank(b);
}

/// One branch on its own OS thread: holds the baton whenever it runs Starlark.
void run_branch(World& world, Branch& branch) {
  BatonHold hold(world.baton);
  branch.outcome = branch.thread->run(branch.function);
}

Result<Value> run_parallel(CallContext& call) {
  MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
  if (call.varargs().size() < 2)
    return call.error("needs at least two functions, as in parallel(f, g)");
  if (call.has(0) && !(call[0].is_int64() && call[0].as_int64() == 1) &&
      !(call[0].is_string() && call[0].text() == "1")) {
    return call.error("interleavings other than 1 are not explored by this version");
  }
  Task task = task_of(call.thread());
  std::vector<Branch> branches;
  for (const Value& function : call.varargs()) {
    std::string name = std::to_string(branches.size() + 1);
    if (!starlark::is_callable(function))
      return wrong_type(call, name, function, types::kCallable.described("function, uncalled"));
    MISHAP_TRY(require_arity(call, name, function, {}));
    branches.push_back(
        {function, std::make_unique<Thread>(call.thread().interpreter(), "parallel"), {}});
    branches.back().thread->user = &task;
  }
  {
    BatonRest rest(task.world.baton);
    std::vector<std::thread> threads;
    threads.reserve(branches.size());
    for (auto& branch : branches) threads.emplace_back([&] { run_branch(task.world, branch); });
    for (auto& thread : threads) thread.join();
  }
  std::vector<Value> results;
  std::optional<size_t> failed;
  for (size_t i = 0; i < branches.size(); ++i) {
    const auto& outcome = *branches[i].outcome;
    if (outcome) {
      results.push_back(*outcome);
    } else if (!failed || tells_more(outcome.error(), branches[*failed].outcome->error())) {
      failed = i;
    }
  }
  if (!failed) return call.heap().list(std::move(results));
  starlark::EvalError error = std::move(branches[*failed].outcome->error());
  if (error.code == 0 && error.message.starts_with("fail: ")) error.code = kFailCalled;
  if (error.code != kWaitCancelled && !error.cancelled)
    error.message = fmt::format("parallel() callable {} failed: {}", *failed, error.message);
  return call.thread().rethrow(std::move(error));
}

}  // namespace

Result<Value> run_within(CallContext& call, const cell::WindowPlan& window, const Value& run) {
  MISHAP_ASSIGN(auto* session, acting_session_of(call));
  auto handle = session->open(window);
  if (!handle) return call.error(handle.error().message);
  auto result = call.thread().call(run);
  session->close(*handle);
  return result;
}

void install_windows(World& world) {
  define(world, Signature("fault").required("target").positional_only().varargs().kwargs(),
         fault_during);
  define(world,
         Signature("fault_all").required("services", types::kList).positional_only().kwargs(),
         fault_all);
  define(world, Signature("fault_start").required("service").positional_only().kwargs(),
         fault_start);
  define(world, Signature("fault_stop").required("service").positional_only(),
         [](CallContext& call) { return stop(call, false); });
  define(world,
         Signature("trace")
             .required("service")
             .positional_only()
             .keyword_only()
             .required("syscalls", types::kList)
             .required("run", types::kCallable),
         [](CallContext& call) -> Result<Value> {
           MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
           MISHAP_ASSIGN(auto window, trace_window(call));
           return run_within(call, window, call[2]);
         });
  define(world,
         Signature("trace_start")
             .required("service")
             .positional_only()
             .keyword_only()
             .required("syscalls", types::kList),
         [](CallContext& call) -> Result<Value> {
           MISHAP_TRY(acting_session_of(call).map([](auto*) {}));
           MISHAP_ASSIGN(auto window, trace_window(call));
           return start(call, window, *service_argument(call[0]));
         });
  define(world, Signature("trace_stop").required("service").positional_only(),
         [](CallContext& call) { return stop(call, true); });
  define(world, Signature("parallel").varargs().optional("interleavings"), run_parallel);
}

}  // namespace mishap::spec
