#include "mishap/starlark/resolver.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "resolver_impl.h"
#include "spelling.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: this file is about nothing else

namespace {

/// Finds what statements bind, without entering functions; comprehensions have scopes of their own.
class BoundNames : public Visitor {
 public:
  explicit BoundNames(std::vector<const Identifier*>& out) : out_(out) {}
  bool visit(const Expr&) override { return false; }
  bool visit(const Stmt& stmt) override {
    if (const auto* assign = if_a<const AssignStmt>(&stmt)) target(*assign->target);
    if (const auto* loop = if_a<const ForStmt>(&stmt)) target(*loop->target);
    if (const auto* def = if_a<const DefStmt>(&stmt)) {
      out_.push_back(def->name);
      return false;
    }
    if (const auto* load = if_a<const LoadStmt>(&stmt)) {
      for (const auto& loaded : load->names) out_.push_back(loaded.local);
    }
    return true;
  }

 private:
  void target(const Expr& expr) {
    if (const auto* name = if_a<const Identifier>(&expr)) out_.push_back(name);
    if (const auto* tuple = if_a<const TupleExpr>(&expr)) {
      for (const Expr* element : tuple->elements) target(*element);
    }
    if (const auto* list = if_a<const ListExpr>(&expr)) {
      for (const Expr* element : list->elements) target(*element);
    }
  }
  std::vector<const Identifier*>& out_;
};

bool has(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<const Identifier*> bound_names(Block body) {
  std::vector<const Identifier*> names;
  BoundNames finder(names);
  walk(body, finder);
  return names;
}

void Resolver::error(const Span& span, std::string message, std::string hint) {
  // Showing each looks for its line in the file.
  constexpr size_t kMostErrors = 1000;
  if (diagnostics_.size() >= kMostErrors) return;
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kResolve;
  diagnostic.pos = {module_.file, span.begin.line, span.begin.column};
  diagnostic.end_line = span.end.line;
  diagnostic.end_column = span.end.column;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostics_.push_back(std::move(diagnostic));
}

int Resolver::add_global(std::string_view name, const Span& span, bool exported) {
  auto [at, added] = globals_.emplace(name, static_cast<int>(module_.globals.size()));
  if (added) module_.globals.push_back({name, span, exported});
  return at->second;
}

void Resolver::collect_globals() {
  for (const std::string& name : environment_.earlier_globals)
    add_global(module_.arena.copy(name), {}, true);
  std::set<std::string_view> loaded;
  for (const LoadStmt* stmt : module_.loads) {
    for (const auto& name : stmt->names) loaded.insert(name.local->name);
  }
  for (const Identifier* name : bound_names(module_.toplevel->body)) {
    add_global(name->name, name->span,
               dialect_.load_binds_globally || !loaded.contains(name->name));
  }
}

std::vector<Diagnostic> Resolver::run() {
  collect_globals();
  Frame frame;
  frame.function = module_.toplevel;
  frame.is_file = true;
  frame.blocks.emplace_back();
  frame_ = &frame;
  block(module_.toplevel->body);
  finish(frame);
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.pos.line, a.pos.column) < std::pair(b.pos.line, b.pos.column);
  });
  return std::move(diagnostics_);
}

// --- functions ---

int Resolver::add_local(Frame& frame, const Identifier& name) {
  auto [at, added] = frame.blocks.back().emplace(name.name, static_cast<int>(frame.locals.size()));
  if (added) frame.locals.push_back({name.name, name.span, false});
  return at->second;
}

void Resolver::parameters(Function& function, Frame& frame) {
  std::vector<Parameter*> named, special;
  bool star = false, optional = false;
  std::string_view kwargs;  // the name of that parameter
  std::set<std::string_view> seen;
  for (auto& parameter : function.parameters) {
    if (parameter.name != nullptr && !seen.insert(parameter.name->name).second) {
      error(parameter.name->span, fmt::format("duplicate parameter: {}", parameter.name->name));
    }
    switch (parameter.kind) {
      case ParameterKind::kRequired:
        if (!kwargs.empty())
          error(parameter.span, fmt::format("required parameter may not follow **{}", kwargs));
        else if (optional && !star)
          error(parameter.span, "required parameter may not follow optional");
        named.push_back(&parameter);
        ++(star ? function.keyword_only_count : function.positional_count);
        break;
      case ParameterKind::kOptional:
        if (!kwargs.empty())
          error(parameter.span, fmt::format("optional parameter may not follow **{}", kwargs));
        optional = true;
        named.push_back(&parameter);
        ++(star ? function.keyword_only_count : function.positional_count);
        break;
      case ParameterKind::kArgs:
      case ParameterKind::kBareStar:
        if (!kwargs.empty())
          error(parameter.span, fmt::format("* parameter may not follow **{}", kwargs));
        else if (star)
          error(parameter.span, "multiple * parameters not allowed");
        star = true;
        function.has_args = parameter.kind == ParameterKind::kArgs;
        if (parameter.name != nullptr) special.push_back(&parameter);
        break;
      case ParameterKind::kKwargs:
        if (!kwargs.empty()) error(parameter.span, "multiple ** parameters not allowed");
        kwargs = parameter.name->name;
        function.has_kwargs = true;
        special.push_back(&parameter);
        break;
    }
  }
  if (star && !function.has_args && function.keyword_only_count == 0) {
    const auto bare =
        std::find_if(function.parameters.begin(), function.parameters.end(),
                     [](const auto& each) { return each.kind == ParameterKind::kBareStar; });
    error(bare->span, "bare * must be followed by keyword-only parameters");
  }
  auto add = [&](Parameter* parameter) {
    parameter->name->binding = {Scope::kLocal, add_local(frame, *parameter->name)};
    frame.uses.push_back(parameter->name);
  };
  for (Parameter* parameter : named) add(parameter);
  for (Parameter* parameter : special) add(parameter);
}

void Resolver::function(Function& function) {
  // Defaults belong to the scope around.
  for (auto& parameter : function.parameters) maybe(parameter.value);
  Frame frame;
  frame.outer = frame_;
  frame.function = &function;
  frame.blocks.emplace_back();
  parameters(function, frame);
  for (const Identifier* name : bound_names(function.body)) add_local(frame, *name);
  frame_ = &frame;
  block(function.body);
  finish(frame);
  frame_ = frame.outer;
}

void Resolver::finish(Frame& frame) {
  for (Identifier* name : frame.uses) {
    if (frame.locals[static_cast<size_t>(name->binding.index)].is_cell)
      name->binding.scope = Scope::kCell;
  }
  frame.function->locals = module_.arena.copy(frame.locals);
  frame.function->free_variables = module_.arena.copy(frame.free);
}

// --- names ---

/// A variable of this function or one around it; captures it on the way in. kUndefined when there
/// is none.
Binding Resolver::find_local(Frame* frame, std::string_view name) {
  if (frame == nullptr) return {};
  for (auto names = frame->blocks.rbegin(); names != frame->blocks.rend(); ++names) {
    if (auto found = names->find(name); found != names->end())
      return {Scope::kLocal, found->second};
  }
  for (size_t i = 0; i < frame->free.size(); ++i) {
    if (frame->free[i].name == name) return {Scope::kFree, static_cast<int32_t>(i)};
  }
  Binding outer = find_local(frame->outer, name);
  if (outer.scope == Scope::kUndefined) return {};
  if (outer.scope == Scope::kLocal) {
    frame->outer->locals[static_cast<size_t>(outer.index)].is_cell = true;
    outer.scope = Scope::kCell;
  }
  frame->free.push_back({name, outer});
  return {Scope::kFree, static_cast<int32_t>(frame->free.size()) - 1};
}

/// Predeclared and universal names.
bool Resolver::find_outside(Identifier& name) {
  auto bind_to = [&](Scope scope, std::map<std::string_view, int>& known,
                     std::vector<std::string_view>& used) {
    auto [at, added] = known.emplace(name.name, static_cast<int>(used.size()));
    if (added) used.push_back(name.name);
    name.binding = {scope, at->second};
  };
  if (has(environment_.predeclared, name.name)) {
    bind_to(Scope::kPredeclared, predeclared_, module_.predeclared);
    return true;
  }
  bool set_off = name.name == "set" && !dialect_.allow_set;
  if (has(environment_.universal, name.name) && !set_off) {
    bind_to(Scope::kUniversal, universal_, module_.universal);
    return true;
  }
  return false;
}

std::string Resolver::suggestion(std::string_view name) const {
  // Nobody reads on for ever, and each looks at every name there is.
  constexpr size_t kMostSuggestions = 20;
  if (diagnostics_.size() >= kMostSuggestions) return "";
  std::vector<std::string> visible;
  for (const Frame* frame = frame_; frame != nullptr; frame = frame->outer) {
    for (const auto& names : frame->blocks) {
      for (const auto& [known, slot] : names) visible.emplace_back(known);
    }
  }
  for (const auto& [known, slot] : globals_) visible.emplace_back(known);
  // The file's own names may be less near.
  const std::vector<std::string> own = visible;
  visible.insert(visible.end(), environment_.predeclared.begin(), environment_.predeclared.end());
  visible.insert(visible.end(), environment_.universal.begin(), environment_.universal.end());
  if (!dialect_.allow_set) std::erase(visible, "set");
  for (std::string_view nothing : {"null", "nil", "undefined"}) {
    if (name == nothing) return "write None";
  }
  auto near = nearest(name, visible);
  if (!near) near = nearest_name(name, own);
  return near ? fmt::format("did you mean {}?", *near) : "";
}

void Resolver::use(Identifier& name) {
  name.binding = find_local(frame_, name.name);
  if (name.binding.scope != Scope::kUndefined) {
    if (name.binding.scope == Scope::kLocal) frame_->uses.push_back(&name);
    return;
  }
  auto global = globals_.find(name.name);
  // At a reassigning file's top level a name means what it means at that point.
  bool not_yet =
      dialect_.allow_global_reassign && frame_->is_file && !bound_globals_.contains(name.name);
  if (global != globals_.end() && not_yet && find_outside(name)) return;
  if (global != globals_.end()) {
    name.binding = {Scope::kGlobal, global->second};
    return;
  }
  if (find_outside(name)) return;
  if (name.name == "set" && !dialect_.allow_set)
    return error(name.span, "this Starlark dialect does not support sets");
  error(name.span, fmt::format("undefined: {}", name.name), suggestion(name.name));
}

void Resolver::bind_name(Identifier& name, bool by_load) {
  Binding local = find_local(frame_, name.name);
  if (local.scope == Scope::kLocal) {
    name.binding = local;
    frame_->uses.push_back(&name);
    return;
  }
  // In a file, names that no comprehension binds are globals.
  auto global = globals_.find(name.name);
  if (global == globals_.end()) return;
  name.binding = {Scope::kGlobal, global->second};
  bool again = !bound_globals_.insert(name.name).second;
  const GlobalVariable& first = module_.globals[static_cast<size_t>(global->second)];
  if (again && !dialect_.allow_global_reassign && first.span.begin.line != 0) {
    const char* sort = by_load ? "top-level" : first.exported ? "global" : "local";
    error(name.span, fmt::format("cannot reassign {} {} declared at {}:{}:{}", sort, name.name,
                                 module_.file, first.span.begin.line, first.span.begin.column));
  }
}

void Resolver::bind(Expr& target) {
  switch (target.kind) {
    case ExprKind::kIdentifier:
      return bind_name(as<Identifier>(target));
    case ExprKind::kTuple:
      for (Expr* element : as<TupleExpr>(target).elements) bind(*element);
      return;
    case ExprKind::kList:
      for (Expr* element : as<ListExpr>(target).elements) bind(*element);
      return;
    default:
      return expression(target);
  }
}

std::vector<Diagnostic> resolve(Module& module, const Environment& environment,
                                const Dialect& dialect) {
  return Resolver(module, environment, dialect).run();
}

}  // namespace mishap::starlark
