#include "fault_collector.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "mishap/cell/unseen.h"
#include "mishap/fault/names.h"

namespace mishap::spec {
namespace {

namespace ast = starlark::ast;

std::vector<std::string> expanded(const engine::Service& service, const std::string& keyword) {
  if (auto op = service.ops.find(keyword); op != service.ops.end()) return op->second.syscalls;
  auto resolved = fault::resolve_syscalls(keyword, ENOSPC);  // the widest reading of a family
  return resolved ? *resolved : std::vector<std::string>();
}

/// Turns reachable calls into what must be seen.
class Collector {
 public:
  Collector(const World& world, const FunctionIndex& index, const Reached& reached,
            ScanResult& result)
      : world_(world), index_(index), reached_(reached), result_(result) {}

  /// `file` is where the call is written.
  void add(const FaultCall& call, const std::string& file) {
    at_ = {file, static_cast<int>(call.call->at.line), static_cast<int>(call.call->at.column)};
    if (call.builtin == "bandwidth") return relay_all(services_of(nullptr));
    if (is_partition_builtin(call.builtin)) return add_partition(*call.call);
    if (call.builtin.empty() && !may_be_fault(*call.call)) return;
    const ast::Expr* target = target_of(call);
    if (const auto* assumption = known<AssumptionValue>(target))
      return add_rules(assumption->value);
    if (call.builtin == "fault_assumption" && target == nullptr) return;  // made of others
    const auto* service = known<ServiceValue>(target);
    auto services = services_of(service);
    bool opens =
        call.builtin == "fault" || call.builtin == "fault_assumption" || call.builtin.empty();
    if (service == nullptr && opens) add_unknown(call, target, services);
    bool traces = call.builtin == "trace" || call.builtin == "trace_start";
    for (const auto& keyword : keywords_of(*call.call)) {
      for (const auto* candidate : services) notify(*candidate, keyword);
      if (service == nullptr || call.builtin.empty()) continue;
      auto why = cell::unseen(service->service, traces ? fmt::format("trace({})", keyword)
                                                       : fmt::format("{}=…", keyword));
      if (why) result_.unseen.push_back({at_, *why});
    }
  }

  void add_rules(const Assumption& assumption) {
    for (const auto& rule : assumption.syscall_rules) {
      result_.notified[rule.service].insert(rule.syscalls.begin(), rule.syscalls.end());
    }
    for (const auto& rule : assumption.protocol_rules) {
      result_.relayed.insert({rule.service, rule.interface});
    }
    for (const auto& rule : assumption.partitions) separate(rule);
  }

  /// A partition of services that cannot be told.
  void add_any_partition() {
    relay_all(services_of(nullptr));
    for (const auto& service : world_.declarations.services)
      result_.partitioned.insert(service.name);
  }

 private:
  /// A call of a value, where fault builtins travel as values: one that looks like theirs.
  bool may_be_fault(const ast::CallExpr& call) const {
    if (!reached_.hands_on) return false;
    const auto& arguments = call.arguments;
    return std::any_of(arguments.begin(), arguments.end(), [&](const auto& argument) {
      if (argument.kind == ast::ArgumentKind::kKwargs) return true;
      return argument.kind == ast::ArgumentKind::kNamed &&
             (argument.name == "run" || argument.name == "syscalls" ||
              index_.keywords.contains(std::string(argument.name)));
    });
  }

  static const ast::Expr* target_of(const FaultCall& call) {
    const auto& arguments = call.call->arguments;
    if (call.builtin == "fault_assumption") {
      auto target = std::find_if(arguments.begin(), arguments.end(),
                                 [](const auto& argument) { return argument.name == "target"; });
      return target == arguments.end() ? nullptr : target->value;
    }
    bool positional = !arguments.empty() && arguments[0].kind == ast::ArgumentKind::kPositional;
    return positional ? arguments[0].value : nullptr;
  }

  /// Whether the call surely has rules of its own, so that its target is no assumption.
  static bool has_rules(const FaultCall& call) {
    if (call.builtin == "fault_assumption") return true;
    const auto& arguments = call.call->arguments;
    return std::count_if(arguments.begin(), arguments.end(), [](const auto& argument) {
             return argument.kind == ast::ArgumentKind::kPositional;
           }) > 1;
  }

  /// The value of a global name, when every file agrees on it.
  template <class T>
  const T* known(const ast::Expr* expr) const {
    const auto* name = ast::if_a<const ast::Identifier>(expr);
    if (name == nullptr || name->binding.scope != ast::Scope::kGlobal) return nullptr;
    if (index_.renamed.contains(name->name) || world_.globals.count(name->name) != 1)
      return nullptr;
    return starlark::host_cast<T>(world_.globals.find(name->name)->second);
  }

  std::vector<const engine::Service*> services_of(const ServiceValue* known_service) const {
    if (known_service != nullptr) return {&known_service->service};
    std::vector<const engine::Service*> all;
    all.reserve(world_.declarations.services.size());
    for (const auto& service : world_.declarations.services) all.push_back(&service);
    return all;
  }

  /// `fault(x, …)` whose target may be an interface or an assumption.
  void add_unknown(const FaultCall& call, const ast::Expr* target,
                   const std::vector<const engine::Service*>& services) {
    const auto* dot = ast::if_a<const ast::DotExpr>(target);
    const ServiceValue* owner = dot == nullptr ? nullptr : known<ServiceValue>(dot->object);
    if (owner != nullptr && owner->service.find_interface(dot->name) != nullptr) {
      result_.relayed.insert({owner->service.name, std::string(dot->name)});
      if (call.builtin == "fault") note_missed(*call.call, owner->service.name, dot->name);
      return;
    }
    if (!has_rules(call)) {
      for (const auto& [name, value] : world_.declarations.assumptions) {
        add_rules(starlark::host_cast<AssumptionValue>(value)->value);
      }
      for (const auto* assumption : reached_.assumptions) add_rules(assumption->value);
    }
    relay_all(services);
  }

  void relay_all(const std::vector<const engine::Service*>& services) {
    for (const auto* service : services) {
      for (const auto& interface : service->interfaces) {
        result_.relayed.insert({service->name, interface.name});
      }
    }
  }

  /// `partition(a, b, …)` and partition_start: the two sides, by position or by name.
  void add_partition(const ast::CallExpr& call) {
    std::vector<const ServiceValue*> sides;
    size_t position = 0;
    for (const auto& argument : call.arguments) {
      bool positional = argument.kind == ast::ArgumentKind::kPositional && position++ < 2;
      if (!positional && argument.name != "a" && argument.name != "b") continue;
      sides.push_back(known<ServiceValue>(argument.value));
    }
    bool told = sides.size() == 2 && sides[0] != nullptr && sides[1] != nullptr;
    if (!told) return add_any_partition();
    fault::PartitionRule rule{.a = sides[0]->service.name, .b = sides[1]->service.name};
    rule.declared.text = fmt::format("partition({}, {})", rule.a, rule.b);
    separate(rule);
    auto why = cell::unseen(world_.declarations.services, rule);
    if (why) result_.unseen.push_back({at_, *why});
  }

  void separate(const fault::PartitionRule& rule) {
    result_.relayed.merge(cell::interfaces_between(world_.declarations.services, rule));
    result_.partitioned.insert({rule.a, rule.b});
  }

  /// Consumers whose requests the rules of `fault(svc.iface, …)` would miss.
  void note_missed(const ast::CallExpr& call, const std::string& service,
                   std::string_view interface) {
    fault::ProtocolRule rule;
    rule.service = service;
    rule.interface = interface;
    rule.declared.text = "a rule";
    for (const auto& argument : call.arguments) {
      if (argument.kind == ast::ArgumentKind::kKwargs) return;
      if (argument.name != "source") continue;
      const auto* source = known<ServiceValue>(argument.value);
      if (source == nullptr) return;
      rule.source = source->service.name;
    }
    auto why = cell::unseen(world_.declarations.services, rule);
    if (why) result_.unseen.push_back({at_, *why});
  }

  /// Keywords that name faults; for a trace the listed syscalls; all known ones when the text does
  /// not tell.
  std::set<std::string> keywords_of(const ast::CallExpr& call) const {
    std::set<std::string> found;
    for (const auto& argument : call.arguments) {
      if (argument.kind == ast::ArgumentKind::kKwargs) {
        found.insert(index_.keywords.begin(), index_.keywords.end());
      } else if (argument.name == "syscalls") {
        add_traced(argument.value, found);
      } else if (index_.keywords.contains(std::string(argument.name))) {
        found.emplace(argument.name);
      }
    }
    return found;
  }

  void add_traced(const ast::Expr* list, std::set<std::string>& found) const {
    const auto* literal = ast::if_a<const ast::ListExpr>(list);
    bool plain = literal != nullptr;
    for (size_t i = 0; plain && i < literal->elements.size(); ++i) {
      const ast::Expr* element = literal->elements[i];
      const auto* text = ast::if_a<const ast::StringLiteral>(element);
      plain = text != nullptr;
      if (plain) found.emplace(text->value);
    }
    if (!plain) found.insert(index_.keywords.begin(), index_.keywords.end());
  }

  void notify(const engine::Service& service, const std::string& keyword) {
    auto syscalls = expanded(service, keyword);
    if (!syscalls.empty()) result_.notified[service.name].insert(syscalls.begin(), syscalls.end());
  }

  const World& world_;
  const FunctionIndex& index_;
  const Reached& reached_;
  ScanResult& result_;
  SourcePos at_;
};

}  // namespace

ScanResult collect(const World& world, const FunctionIndex& index, const Reached& reached) {
  ScanResult result;
  Collector collector(world, index, reached, result);
  for (const auto* text : reached.texts) {
    for (const auto& call : text->calls) collector.add(call, text->file);
  }
  if (reached.hands_on_partition) collector.add_any_partition();
  return result;
}

}  // namespace mishap::spec
