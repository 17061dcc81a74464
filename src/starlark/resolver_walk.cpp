// Statements and expressions of the resolver's walk.
#include <set>

#include <fmt/format.h>

#include "resolver_impl.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: this file is about nothing else

namespace {

bool is_implied(const ReturnStmt& stmt) {
  return stmt.value != nullptr && stmt.span.begin == stmt.value->span.begin;
}

// What cannot be assigned to, by the names that the reference implementation gives it.
std::string_view sort_of(ExprKind kind) {
  switch (kind) {
    case ExprKind::kCall:
      return "callexpr";
    case ExprKind::kBinary:
    case ExprKind::kLogical:
      return "binaryexpr";
    case ExprKind::kUnary:
      return "unaryexpr";
    case ExprKind::kSlice:
      return "sliceexpr";
    case ExprKind::kConditional:
      return "condexpr";
    case ExprKind::kLambda:
      return "lambdaexpr";
    case ExprKind::kComprehension:
      return "comprehension";
    case ExprKind::kDict:
      return "dictexpr";
    default:
      return "literal";
  }
}

std::span<Expr* const> elements_of(const Expr& sequence) {
  return sequence.kind == ExprKind::kTuple ? as<TupleExpr>(sequence).elements
                                           : as<ListExpr>(sequence).elements;
}

}  // namespace

void Resolver::block(Block body) {
  for (Stmt* stmt : body) statement(*stmt);
}

void Resolver::not_at_top_level(const Stmt& stmt, const char* what) {
  if (frame_->is_file && !dialect_.allow_top_level_control) {
    error({stmt.at, stmt.at}, fmt::format("{} not within a function", what));
  }
}

void Resolver::statement(Stmt& stmt) {
  switch (stmt.kind) {
    case StmtKind::kExpr:
      return expression(*as<ExprStmt>(stmt).expr);
    case StmtKind::kAssign: {
      auto& assign = as<AssignStmt>(stmt);
      expression(*assign.value);
      if (!check_target(*assign.target, assign.op.has_value())) return;
      // x += 1 also reads x; at a file's top level it counts as binding it once more.
      if (assign.op && assign.target->kind != ExprKind::kIdentifier)
        return expression(*assign.target);
      return bind(*assign.target);
    }
    case StmtKind::kDef:
      bind_name(*as<DefStmt>(stmt).name);
      return function(*as<DefStmt>(stmt).function);
    case StmtKind::kIf:
      not_at_top_level(stmt, "if statement");
      ++frame_->conditionals;
      for (auto& branch : as<IfStmt>(stmt).branches) {
        expression(*branch.condition);
        block(branch.body);
      }
      block(as<IfStmt>(stmt).otherwise);
      --frame_->conditionals;
      return;
    case StmtKind::kFor:
      not_at_top_level(stmt, "for loop");
      expression(*as<ForStmt>(stmt).iterable);
      if (check_target(*as<ForStmt>(stmt).target)) bind(*as<ForStmt>(stmt).target);
      ++frame_->loops;
      block(as<ForStmt>(stmt).body);
      --frame_->loops;
      return;
    case StmtKind::kWhile:
      if (!dialect_.allow_while) {
        error({stmt.at, stmt.at}, "this Starlark dialect does not support while loops",
              "loop over range(n), and break");
      }
      not_at_top_level(stmt, "while loop");
      expression(*as<WhileStmt>(stmt).condition);
      ++frame_->loops;
      block(as<WhileStmt>(stmt).body);
      --frame_->loops;
      return;
    case StmtKind::kReturn:
      // An expression typed at a prompt is compiled as a `return` that no keyword stands for.
      if (frame_->is_file && !is_implied(as<ReturnStmt>(stmt)))
        error(stmt.span, "return statement not within a function");
      return maybe(as<ReturnStmt>(stmt).value);
    case StmtKind::kBreak:
    case StmtKind::kContinue:
      if (frame_->loops == 0) {
        error(stmt.span, fmt::format("{} not in a loop",
                                     stmt.kind == StmtKind::kBreak ? "break" : "continue"));
      }
      return;
    case StmtKind::kPass:
      return;
    case StmtKind::kLoad:
      return load(as<LoadStmt>(stmt));
  }
}

void Resolver::load(LoadStmt& stmt) {
  if (!frame_->is_file)
    error(stmt.span, "load statement within a function");
  else if (frame_->loops > 0)
    error(stmt.span, "load statement within a loop");
  else if (frame_->conditionals > 0)
    error(stmt.span, "load statement within a conditional");
  for (auto& loaded : stmt.names) {
    if (loaded.name.empty()) error(loaded.name_span, "load: empty identifier");
    if (loaded.name.starts_with('_')) {
      error(loaded.name_span,
            fmt::format("load: names with leading underscores are not exported: {}", loaded.name));
    }
    bind_name(*loaded.local, true);
  }
}

void Resolver::expression(Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIdentifier:
      return use(as<Identifier>(expr));
    case ExprKind::kInt:
    case ExprKind::kFloat:
    case ExprKind::kString:
    case ExprKind::kBytes:
      return;
    case ExprKind::kList:
      for (Expr* element : as<ListExpr>(expr).elements) expression(*element);
      return;
    case ExprKind::kTuple:
      for (Expr* element : as<TupleExpr>(expr).elements) expression(*element);
      return;
    case ExprKind::kDict:
      for (auto& entry : as<DictExpr>(expr).entries) {
        expression(*entry.key);
        expression(*entry.value);
      }
      return;
    case ExprKind::kComprehension:
      return comprehension(as<Comprehension>(expr));
    case ExprKind::kUnary:
      return expression(*as<UnaryExpr>(expr).operand);
    case ExprKind::kBinary:
      expression(*as<BinaryExpr>(expr).left);
      return expression(*as<BinaryExpr>(expr).right);
    case ExprKind::kLogical:
      expression(*as<LogicalExpr>(expr).left);
      return expression(*as<LogicalExpr>(expr).right);
    case ExprKind::kConditional:
      expression(*as<ConditionalExpr>(expr).condition);
      expression(*as<ConditionalExpr>(expr).if_true);
      return expression(*as<ConditionalExpr>(expr).if_false);
    case ExprKind::kCall:
      expression(*as<CallExpr>(expr).function);
      return arguments(as<CallExpr>(expr));
    case ExprKind::kIndex:
      expression(*as<IndexExpr>(expr).object);
      return expression(*as<IndexExpr>(expr).index);
    case ExprKind::kSlice:
      expression(*as<SliceExpr>(expr).object);
      maybe(as<SliceExpr>(expr).start);
      maybe(as<SliceExpr>(expr).stop);
      return maybe(as<SliceExpr>(expr).step);
    case ExprKind::kDot:
      return expression(*as<DotExpr>(expr).object);
    case ExprKind::kLambda:
      return function(*as<LambdaExpr>(expr).function);
  }
}

void Resolver::comprehension(Comprehension& node) {
  // The first subject is outside. All the rest is one block, in which a name means the same
  // everywhere, even before the clause that binds it.
  for (Clause& clause : node.clauses.first(std::min<size_t>(1, node.clauses.size())))
    expression(*clause.subject);
  frame_->blocks.emplace_back();
  struct Targets : Visitor {
    std::vector<const Identifier*> names;
    bool visit(const Expr& expr) override {
      if (const auto* name = if_a<const Identifier>(&expr)) names.push_back(name);
      return expr.kind == ExprKind::kTuple || expr.kind == ExprKind::kList;
    }
  } targets;
  for (const Clause& clause : node.clauses) {
    if (clause.is_for()) walk(*clause.target, targets);
  }
  for (const Identifier* name : targets.names) add_local(*frame_, *name);
  for (size_t i = 0; i < node.clauses.size(); ++i) {
    if (i > 0) expression(*node.clauses[i].subject);
    if (node.clauses[i].is_for() && check_target(*node.clauses[i].target))
      bind(*node.clauses[i].target);
  }
  maybe(node.key);
  expression(*node.element);
  frame_->blocks.pop_back();
}

/// False, and an error reported, when values cannot be assigned to that.
bool Resolver::check_target(const Expr& target, bool augmented) {
  switch (target.kind) {
    case ExprKind::kIdentifier:
    case ExprKind::kIndex:
    case ExprKind::kDot:
      return true;
    case ExprKind::kTuple:
    case ExprKind::kList:
      if (augmented) {
        error(target.span, fmt::format("can't use {} expression in augmented assignment",
                                       target.kind == ExprKind::kTuple ? "tuple" : "list"));
        return false;
      }
      for (const Expr* element : elements_of(target)) {
        if (!check_target(*element)) return false;
      }
      return true;
    default:
      error(target.span, fmt::format("can't assign to {}", sort_of(target.kind)),
            "on the left go names, x[i], x.f, and lists of them");
      return false;
  }
}

/// As many arguments can be written out as the reference implementation takes. *args and **kwargs
/// have no limit.
void Resolver::count_arguments(const CallExpr& call, ArgumentKind kind, const char* what) {
  constexpr auto kMost = 255;
  const auto count = std::count_if(call.arguments.begin(), call.arguments.end(),
                                   [kind](const auto& each) { return each.kind == kind; });
  if (count > kMost)
    error(call.span, fmt::format("{} {} arguments in call, limit is {}", count, what, kMost));
}

void Resolver::arguments(CallExpr& call) {
  count_arguments(call, ArgumentKind::kPositional, "positional");
  count_arguments(call, ArgumentKind::kNamed, "keyword");
  bool named = false, args = false, kwargs = false;
  std::set<std::string_view> names;
  for (auto& argument : call.arguments) {
    switch (argument.kind) {
      case ArgumentKind::kPositional:
        if (kwargs)
          error(argument.span, "positional argument may not follow **kwargs");
        else if (args)
          error(argument.span, "positional argument may not follow *args");
        else if (named)
          error(argument.span, "positional argument may not follow named");
        break;
      case ArgumentKind::kNamed:
        if (kwargs)
          error(argument.span, "keyword argument may not follow **kwargs");
        else if (args)
          error(argument.span, "keyword argument may not follow *args");
        if (!names.insert(argument.name).second) {
          error(argument.span, fmt::format("keyword argument \"{}\" is repeated", argument.name));
        }
        named = true;
        break;
      case ArgumentKind::kArgs:
        if (kwargs)
          error(argument.span, "*args may not follow **kwargs");
        else if (args)
          error(argument.span, "multiple *args not allowed");
        args = true;
        break;
      case ArgumentKind::kKwargs:
        if (kwargs) error(argument.span, "multiple **kwargs not allowed");
        kwargs = true;
        break;
    }
    expression(*argument.value);
  }
}

}  // namespace mishap::starlark
