#include "filter_scan.h"

#include <algorithm>
#include <cerrno>
#include <deque>

#include <fmt/format.h>

#include "mishap/cell/unseen.h"
#include "mishap/fault/names.h"
#include "mishap/starlark/ast.h"
#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

#include "values.h"

namespace mishap::spec {
namespace {

namespace ast = starlark::ast;

/// A call that may be fault-like, as written.
struct FaultCall {
  std::string builtin;  ///< "" when the callee is a value that may be one
  const ast::CallExpr* call;
};

/// A function's text: the names it mentions lead to other functions, the calls in it matter if it
/// is reached.
struct FunctionText {
  const ast::Function* function = nullptr;
  std::string file;
  std::set<std::string> mentions;
  std::vector<FaultCall> calls;
  bool hands_on = false;  ///< uses a fault builtin as a value: whatever is called may be it
  bool hands_on_partition = false;
};

bool is_fault_builtin(std::string_view name) {
  return name == "fault" || name == "fault_all" || name == "fault_start" || name == "trace" ||
         name == "trace_start" || name == "fault_assumption";
}

/// Builtins that act on connections between services.
bool is_partition_builtin(std::string_view name) {
  return name == "partition" || name == "partition_start" || name == "bandwidth";
}

bool is_outside(const ast::Identifier& name) {
  return name.binding.scope == ast::Scope::kPredeclared ||
         name.binding.scope == ast::Scope::kUniversal;
}

/// Gathers mentions and calls of one function, nested functions included: who reaches the outer may
/// reach the inner.
class Gather : public ast::Visitor {
 public:
  explicit Gather(FunctionText& text) : text_(text) {}
  bool visit(const ast::Expr& expr) override {
    if (const auto* name = ast::if_a<const ast::Identifier>(&expr)) mention(*name);
    if (const auto* dot = ast::if_a<const ast::DotExpr>(&expr)) text_.mentions.emplace(dot->name);
    if (const auto* call = ast::if_a<const ast::CallExpr>(&expr)) add(*call);
    return true;
  }

 private:
  void mention(const ast::Identifier& name) {
    text_.mentions.emplace(name.name);
    bool called = callees_.contains(&name);
    if (called || !is_outside(name)) return;
    if (is_fault_builtin(name.name)) text_.hands_on = true;
    if (is_partition_builtin(name.name)) text_.hands_on_partition = true;
  }
  void add(const ast::CallExpr& call) {
    const auto* callee =
        ast::if_a<const ast::Identifier>(static_cast<const ast::Expr*>(call.function));
    if (callee == nullptr || !is_outside(*callee)) {
      text_.calls.push_back({"", &call});
      return;
    }
    callees_.insert(callee);
    if (is_fault_builtin(callee->name) || is_partition_builtin(callee->name))
      text_.calls.push_back({std::string(callee->name), &call});
  }

  FunctionText& text_;
  std::set<const ast::Identifier*> callees_;
};

/// Finds every def and lambda of a file, and the words in it that may name a fault.
class Functions : public ast::Visitor {
 public:
  Functions(std::string file, std::deque<FunctionText>& out, std::set<std::string>& words)
      : file_(std::move(file)), out_(out), words_(words) {}
  bool visit(const ast::Expr& expr) override {
    if (const auto* lambda = ast::if_a<const ast::LambdaExpr>(&expr)) add(*lambda->function);
    if (const auto* text = ast::if_a<const ast::StringLiteral>(&expr)) words_.emplace(text->value);
    if (const auto* call = ast::if_a<const ast::CallExpr>(&expr)) {
      for (const auto& argument : call->arguments) words_.emplace(argument.name);
    }
    return true;
  }
  bool visit(const ast::Stmt& stmt) override {
    if (const auto* def = ast::if_a<const ast::DefStmt>(&stmt)) add(*def->function);
    return true;
  }

 private:
  void add(const ast::Function& function) {
    FunctionText& text = out_.emplace_back();
    text.function = &function;
    text.file = file_;
    Gather gather(text);
    ast::walk(function.body, gather);
    for (const auto& parameter : function.parameters) {
      if (parameter.value != nullptr) ast::walk(*parameter.value, gather);
    }
  }
  std::string file_;
  std::deque<FunctionText>& out_;
  std::set<std::string>& words_;
};

std::vector<std::string> expanded(const engine::Service& service, const std::string& keyword) {
  if (auto op = service.ops.find(keyword); op != service.ops.end()) return op->second.syscalls;
  auto resolved = fault::resolve_syscalls(keyword, ENOSPC);  // the widest reading of a family
  return resolved ? *resolved : std::vector<std::string>();
}

}  // namespace

struct FilterScan::Index {
  std::vector<std::unique_ptr<ast::Module>> modules;
  std::deque<FunctionText> functions;
  std::multimap<std::string, const FunctionText*, std::less<>> by_name;
  /// What names mean: of a loaded name the name where it comes from.
  std::multimap<std::string, std::string, std::less<>> renamed;
  std::set<std::string> keywords;  ///< all words that may name syscalls: what `**kwargs` might hold

  void add_file(const World& world, const std::string& name, const std::string& text,
                std::set<std::string>& words) {
    auto parsed = starlark::parse(name, text, world.interpreter.dialect());
    if (!parsed.module) return;
    std::vector<std::string> predeclared, universal;
    for (const auto& [known, value] : world.interpreter.predeclared()) predeclared.push_back(known);
    for (const auto& [known, value] : world.interpreter.library().universe) {
      universal.emplace_back(known);
    }
    // Data files may happen to look like Starlark; what is undefined in them does not matter.
    starlark::resolve(*parsed.module, {predeclared, universal}, world.interpreter.dialect());
    Functions finder(name, functions, words);
    ast::walk(parsed.module->toplevel->body, finder);
    for (const auto* load : parsed.module->loads) {
      for (const auto& loaded : load->names) {
        if (loaded.local->name != loaded.name) renamed.emplace(loaded.local->name, loaded.name);
      }
    }
    modules.push_back(std::move(parsed.module));
  }

  void finish(const World& world, const std::set<std::string>& words) {
    for (const auto& text : functions) by_name.emplace(text.function->name, &text);
    const auto& services = world.declarations.services;
    for (const auto& word : words) {
      bool named = std::any_of(services.begin(), services.end(),
                               [&](const auto& service) { return service.ops.contains(word); });
      if (named || fault::names_syscalls(word)) keywords.insert(word);
    }
  }

  const FunctionText* find(const starlark::FunctionObject& function) const {
    SourcePos pos = function.pos();
    for (const auto& text : functions) {
      if (text.file == pos.file && text.function->at.line == pos.line &&
          text.function->name == function.name() &&
          (pos.column == 0 || text.function->at.column == pos.column)) {
        return &text;
      }
    }
    return nullptr;
  }
};

namespace {

/// What a test's code can get at.
struct Reached {
  std::set<const FunctionText*> texts;
  std::vector<const AssumptionValue*> assumptions;
  bool hands_on = false;  ///< a fault builtin travels as a value
  bool hands_on_partition = false;
};

/// Turns reachable calls into what must be seen.
class Collector {
 public:
  Collector(const World& world, const std::set<std::string>& keywords,
            const std::multimap<std::string, std::string, std::less<>>& renamed,
            const Reached& reached, ScanResult& result)
      : world_(world), keywords_(keywords), renamed_(renamed), reached_(reached), result_(result) {}

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
              keywords_.contains(std::string(argument.name)));
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
    if (renamed_.contains(name->name) || world_.globals.count(name->name) != 1) return nullptr;
    return starlark::host_cast<T>(world_.globals.find(name->name)->second);
  }

  std::vector<const engine::Service*> services_of(const ServiceValue* known_service) const {
    if (known_service != nullptr) return {&known_service->service};
    std::vector<const engine::Service*> all;
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
        found.insert(keywords_.begin(), keywords_.end());
      } else if (argument.name == "syscalls") {
        add_traced(argument.value, found);
      } else if (keywords_.contains(std::string(argument.name))) {
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
    if (!plain) found.insert(keywords_.begin(), keywords_.end());
  }

  void notify(const engine::Service& service, const std::string& keyword) {
    auto syscalls = expanded(service, keyword);
    if (!syscalls.empty()) result_.notified[service.name].insert(syscalls.begin(), syscalls.end());
  }

  const World& world_;
  const std::set<std::string>& keywords_;
  const std::multimap<std::string, std::string, std::less<>>& renamed_;
  const Reached& reached_;
  ScanResult& result_;
  SourcePos at_;
};

}  // namespace

/// Follows a test's functions through names and through values that hold functions.
class FilterScan::Walk {
 public:
  Walk(const World& world, const Index& index) : world_(world), index_(index) {}

  Reached from(const std::vector<Value>& entries) {
    for (const Value& entry : entries) reach(entry);
    while (!frontier_.empty()) {
      const FunctionText* text = frontier_.back();
      frontier_.pop_back();
      reached_.hands_on = reached_.hands_on || text->hands_on;
      reached_.hands_on_partition = reached_.hands_on_partition || text->hands_on_partition;
      for (const auto& name : text->mentions) reach_name(name);
    }
    return std::move(reached_);
  }

 private:
  void reach(const FunctionText* text) {
    if (text != nullptr && reached_.texts.insert(text).second) frontier_.push_back(text);
  }

  void reach_name(const std::string& name) {
    auto [first, last] = index_.by_name.equal_range(name);
    for (auto at = first; at != last; ++at) reach(at->second);
    auto [global, last_global] = world_.globals.equal_range(name);
    for (; global != last_global; ++global) reach(global->second);
    auto [origin, last_origin] = index_.renamed.equal_range(name);
    for (; origin != last_origin; ++origin) {
      if (names_.insert(origin->second).second) reach_name(origin->second);
    }
  }

  /// Functions, and what holds some: lists, dicts, structs, closures.
  void reach(const Value& value) {
    std::vector<Value> open = {value};
    while (!open.empty()) {
      Value next = open.back();
      open.pop_back();
      if (!next.is_object() || !seen_.insert(next.object()).second) continue;
      // A function refers to its whole file, which its names are looked up in anyway.
      if (starlark::host_cast<starlark::LoadedModule>(next) != nullptr) continue;
      if (next.kind() == starlark::Kind::kFunction) {
        reach(index_.find(next.as<starlark::FunctionObject>()));
      }
      if (next.kind() == starlark::Kind::kBuiltin) {
        std::string_view name = next.as<starlark::Builtin>().name();
        reached_.hands_on = reached_.hands_on || is_fault_builtin(name);
        reached_.hands_on_partition = reached_.hands_on_partition || is_partition_builtin(name);
      }
      if (const auto* assumption = starlark::host_cast<AssumptionValue>(next)) {
        reached_.assumptions.push_back(assumption);
      }
      next.object()->visit_children([&](Value& child) { open.push_back(child); });
    }
  }

  const World& world_;
  const Index& index_;
  Reached reached_;
  std::vector<const FunctionText*> frontier_;
  std::set<const starlark::Object*> seen_;
  std::set<std::string> names_;
};

FilterScan::FilterScan(const World& world) : world_(world), index_(std::make_unique<Index>()) {
  std::set<std::string> words;
  for (const auto& [name, text] : world.files) index_->add_file(world, name, text, words);
  index_->finish(world, words);
}

FilterScan::~FilterScan() = default;

ScanResult FilterScan::scan(const std::vector<Value>& entries) const {
  Reached reached = Walk(world_, *index_).from(entries);
  ScanResult result;
  Collector collector(world_, index_->keywords, index_->renamed, reached, result);
  for (const auto* text : reached.texts) {
    for (const auto& call : text->calls) collector.add(call, text->file);
  }
  if (reached.hands_on_partition) collector.add_any_partition();
  return result;
}

}  // namespace mishap::spec
