#include "filter_scan.h"

#include <algorithm>
#include <cerrno>
#include <deque>

#include "mishap/fault/names.h"
#include "mishap/starlark/ast.h"
#include "mishap/starlark/parser.h"

#include "values.h"

namespace mishap::spec {
namespace {

namespace ast = starlark::ast;

/// A fault-like call, as written.
struct FaultCall {
  std::string builtin;
  const ast::CallExpr* call;
};

/// A function's text: the names it mentions lead to other functions, the calls in it matter if it
/// is reached.
struct FunctionText {
  const ast::Function* function = nullptr;
  std::string file;
  std::set<std::string> mentions;
  std::vector<FaultCall> calls;
};

bool is_fault_builtin(std::string_view name) {
  return name == "fault" || name == "fault_all" || name == "fault_start" || name == "trace" ||
         name == "trace_start";
}

/// Gathers mentions and calls of one function, nested functions included: who reaches the outer may
/// reach the inner.
class Gather : public ast::Visitor {
 public:
  explicit Gather(FunctionText& text) : text_(text) {}
  bool visit(const ast::Expr& expr) override {
    if (const auto* name = ast::if_a<const ast::Identifier>(&expr))
      text_.mentions.emplace(name->name);
    if (const auto* dot = ast::if_a<const ast::DotExpr>(&expr)) text_.mentions.emplace(dot->name);
    if (const auto* call = ast::if_a<const ast::CallExpr>(&expr)) {
      const auto* callee = ast::if_a<const ast::Identifier>(call->function);
      if (callee != nullptr && is_fault_builtin(callee->name))
        text_.calls.push_back({std::string(callee->name), call});
    }
    return true;
  }

 private:
  FunctionText& text_;
};

/// Finds every def and lambda of a file.
class Functions : public ast::Visitor {
 public:
  Functions(std::string file, std::deque<FunctionText>& out) : file_(std::move(file)), out_(out) {}
  bool visit(const ast::Expr& expr) override {
    if (const auto* lambda = ast::if_a<const ast::LambdaExpr>(&expr)) add(*lambda->function);
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
  std::multimap<std::string, const FunctionText*> by_name;
  std::set<std::string> every_keyword;  // of all fault-like calls: what `**kwargs` might hold

  void add_file(const std::string& name, const std::string& text,
                const starlark::Dialect& dialect) {
    auto parsed = starlark::parse(name, text, dialect);
    if (!parsed.module) return;
    Functions finder(name, functions);
    ast::walk(parsed.module->toplevel->body, finder);
    modules.push_back(std::move(parsed.module));
  }

  void finish() {
    for (const auto& text : functions) {
      by_name.emplace(text.function->name, &text);
      for (const auto& call : text.calls) {
        for (const auto& argument : call.call->arguments) {
          if (argument.kind == ast::ArgumentKind::kNamed) every_keyword.emplace(argument.name);
        }
      }
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

/// Turns reachable calls into what must be seen.
class Collector {
 public:
  Collector(const World& world, const std::set<std::string>& every_keyword, ScanResult& result)
      : world_(world), every_keyword_(every_keyword), result_(result) {}

  void add(const FaultCall& call) {
    const auto& arguments = call.call->arguments;
    bool positional = !arguments.empty() && arguments[0].kind == ast::ArgumentKind::kPositional;
    const ast::Expr* target = positional ? arguments[0].value : nullptr;
    if (const AssumptionValue* assumption = known_assumption(target))
      return add_rules(assumption->value);
    auto services = services_of(target);
    bool rules_given =
        std::count_if(arguments.begin(), arguments.end(), [](const auto& a) {
          return a.kind == ast::ArgumentKind::kPositional || a.kind == ast::ArgumentKind::kArgs;
        }) > 1;
    bool open_target = known_service(target) == nullptr;
    if (open_target && call.builtin == "fault") add_unknown(target, services, rules_given);
    for (const auto& keyword : keywords_of(call)) {
      for (const auto* service : services) notify(*service, keyword);
    }
  }

  void add_rules(const Assumption& assumption) {
    for (const auto& rule : assumption.syscall_rules) {
      result_.notified[rule.service].insert(rule.syscalls.begin(), rule.syscalls.end());
    }
    for (const auto& rule : assumption.protocol_rules)
      result_.relayed.insert({rule.service, rule.interface});
  }

 private:
  /// The value of a name that every file agrees on being a declared service or assumption.
  const ServiceValue* known_service(const ast::Expr* expr) const {
    const auto* name = ast::if_a<const ast::Identifier>(expr);
    return name == nullptr ? nullptr : global<ServiceValue>(name->name);
  }
  const AssumptionValue* known_assumption(const ast::Expr* expr) const {
    const auto* name = ast::if_a<const ast::Identifier>(expr);
    return name == nullptr ? nullptr : global<AssumptionValue>(name->name);
  }
  template <class T>
  const T* global(std::string_view name) const {
    auto found = world_.globals.find(name);
    return found == world_.globals.end() ? nullptr : starlark::host_cast<T>(found->second);
  }

  std::vector<const engine::Service*> services_of(const ast::Expr* target) const {
    if (const auto* service = known_service(target)) return {&service->service};
    std::vector<const engine::Service*> all;
    for (const auto& service : world_.declarations.services) all.push_back(&service);
    return all;
  }

  /// `fault(x, …)` whose target may be an interface or an assumption.
  void add_unknown(const ast::Expr* target, const std::vector<const engine::Service*>& services,
                   bool rules_given) {
    const auto* dot = ast::if_a<const ast::DotExpr>(target);
    const ServiceValue* owner = dot == nullptr ? nullptr : known_service(dot->object);
    if (owner != nullptr && owner->service.find_interface(dot->name) != nullptr) {
      result_.relayed.insert({owner->service.name, std::string(dot->name)});
      return;
    }
    if (!rules_given) {
      for (const auto& [name, value] : world_.declarations.assumptions) {
        add_rules(starlark::host_cast<AssumptionValue>(value)->value);
      }
    }
    for (const auto* service : services) {
      for (const auto& interface : service->interfaces)
        result_.relayed.insert({service->name, interface.name});
    }
  }

  /// Keywords that name faults; for a trace the listed syscalls; all known ones when the text does
  /// not tell.
  std::set<std::string> keywords_of(const FaultCall& call) const {
    std::set<std::string> keywords;
    for (const auto& argument : call.call->arguments) {
      if (argument.kind == ast::ArgumentKind::kKwargs)
        keywords.insert(every_keyword_.begin(), every_keyword_.end());
      if (argument.kind != ast::ArgumentKind::kNamed || argument.name == "run" ||
          argument.name == "source")
        continue;
      if (argument.name == "syscalls") {
        add_traced(argument.value, keywords);
      } else {
        keywords.emplace(argument.name);
      }
    }
    return keywords;
  }

  void add_traced(const ast::Expr* list, std::set<std::string>& keywords) const {
    const auto* literal = ast::if_a<const ast::ListExpr>(list);
    if (literal == nullptr) {
      keywords.insert(every_keyword_.begin(), every_keyword_.end());
      return;
    }
    for (const auto* element : literal->elements) {
      if (const auto* text = ast::if_a<const ast::StringLiteral>(element))
        keywords.emplace(text->value);
    }
  }

  void notify(const engine::Service& service, const std::string& keyword) {
    auto syscalls = expanded(service, keyword);
    if (!syscalls.empty()) result_.notified[service.name].insert(syscalls.begin(), syscalls.end());
  }

  const World& world_;
  const std::set<std::string>& every_keyword_;
  ScanResult& result_;
};

}  // namespace

FilterScan::FilterScan(const World& world) : world_(world), index_(std::make_unique<Index>()) {
  for (const auto& [name, text] : world.files)
    index_->add_file(name, text, world.interpreter.dialect());
  index_->finish();
}

FilterScan::~FilterScan() = default;

ScanResult FilterScan::scan(const std::vector<Value>& entries) const {
  std::set<const FunctionText*> reached;
  std::vector<const FunctionText*> frontier;
  auto reach = [&](const FunctionText* text) {
    if (text != nullptr && reached.insert(text).second) frontier.push_back(text);
  };
  for (const Value& entry : entries) {
    if (entry.kind() == starlark::Kind::kFunction)
      reach(index_->find(entry.as<starlark::FunctionObject>()));
  }
  while (!frontier.empty()) {
    const FunctionText* text = frontier.back();
    frontier.pop_back();
    for (const auto& name : text->mentions) {
      auto [first, last] = index_->by_name.equal_range(name);
      for (auto at = first; at != last; ++at) reach(at->second);
      // A global that holds a function under another name: a lambda, an alias.
      auto global = world_.globals.find(name);
      if (global != world_.globals.end() && global->second.kind() == starlark::Kind::kFunction) {
        reach(index_->find(global->second.as<starlark::FunctionObject>()));
      }
    }
  }
  ScanResult result;
  Collector collector(world_, index_->every_keyword, result);
  for (const auto* text : reached) {
    for (const auto& call : text->calls) collector.add(call);
  }
  return result;
}

}  // namespace mishap::spec
