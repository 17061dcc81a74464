#include "function_index.h"

#include <algorithm>

#include "mishap/fault/names.h"
#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

namespace mishap::spec {
namespace {

namespace ast = starlark::ast;

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

}  // namespace

bool is_fault_builtin(std::string_view name) {
  return name == "fault" || name == "fault_all" || name == "fault_start" || name == "trace" ||
         name == "trace_start" || name == "fault_assumption";
}

bool is_partition_builtin(std::string_view name) {
  return name == "partition" || name == "partition_start" || name == "bandwidth";
}

FunctionIndex::FunctionIndex(const World& world) {
  std::set<std::string> words;
  for (const auto& [name, text] : world.files) add_file(world, name, text, words);
  for (const auto& text : functions) by_name.emplace(text.function->name, &text);
  find_keywords(world, words);
}

void FunctionIndex::add_file(const World& world, const std::string& name, const std::string& text,
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

void FunctionIndex::find_keywords(const World& world, const std::set<std::string>& words) {
  const auto& services = world.declarations.services;
  for (const auto& word : words) {
    bool named = std::any_of(services.begin(), services.end(),
                             [&](const auto& service) { return service.ops.contains(word); });
    if (named || fault::names_syscalls(word)) keywords.insert(word);
  }
}

const FunctionText* FunctionIndex::find(const starlark::FunctionObject& function) const {
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

}  // namespace mishap::spec
