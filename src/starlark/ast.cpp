#include "mishap/starlark/ast.h"

namespace mishap::starlark::ast {

std::string_view to_string(UnaryOp op) {
  switch (op) {
    case UnaryOp::kMinus:
      return "-";
    case UnaryOp::kPlus:
      return "+";
    case UnaryOp::kInvert:
      return "~";
    case UnaryOp::kNot:
      return "not";
  }
  return "?";
}

std::string_view to_string(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return "+";
    case BinaryOp::kSubtract:
      return "-";
    case BinaryOp::kMultiply:
      return "*";
    case BinaryOp::kDivide:
      return "/";
    case BinaryOp::kFloorDivide:
      return "//";
    case BinaryOp::kModulo:
      return "%";
    case BinaryOp::kAnd:
      return "&";
    case BinaryOp::kOr:
      return "|";
    case BinaryOp::kXor:
      return "^";
    case BinaryOp::kShiftLeft:
      return "<<";
    case BinaryOp::kShiftRight:
      return ">>";
    case BinaryOp::kEqual:
      return "==";
    case BinaryOp::kNotEqual:
      return "!=";
    case BinaryOp::kLess:
      return "<";
    case BinaryOp::kLessEqual:
      return "<=";
    case BinaryOp::kGreater:
      return ">";
    case BinaryOp::kGreaterEqual:
      return ">=";
    case BinaryOp::kIn:
      return "in";
    case BinaryOp::kNotIn:
      return "not in";
  }
  return "?";
}

std::string_view to_string(LogicalOp op) { return op == LogicalOp::kAnd ? "and" : "or"; }

namespace {

void walk_all(std::span<Expr* const> exprs, Visitor& visitor) {
  for (const Expr* expr : exprs) walk(*expr, visitor);
}

void walk_maybe(const Expr* expr, Visitor& visitor) {
  if (expr != nullptr) walk(*expr, visitor);
}

void walk_function(const Function& function, Visitor& visitor) {
  for (const auto& parameter : function.parameters) walk_maybe(parameter.value, visitor);
  for (const auto& parameter : function.parameters) walk_maybe(parameter.name, visitor);
  walk(function.body, visitor);
}

}  // namespace

void walk(const Expr& expr, Visitor& visitor) {
  if (!visitor.visit(expr)) return;
  switch (expr.kind) {
    case ExprKind::kIdentifier:
    case ExprKind::kInt:
    case ExprKind::kFloat:
    case ExprKind::kString:
    case ExprKind::kBytes:
      return;
    case ExprKind::kList:
      return walk_all(as<ListExpr>(expr).elements, visitor);
    case ExprKind::kTuple:
      return walk_all(as<TupleExpr>(expr).elements, visitor);
    case ExprKind::kDict:
      for (const auto& entry : as<DictExpr>(expr).entries) {
        walk(*entry.key, visitor);
        walk(*entry.value, visitor);
      }
      return;
    case ExprKind::kComprehension: {
      const auto& node = as<Comprehension>(expr);
      walk_maybe(node.key, visitor);
      walk(*node.element, visitor);
      for (const auto& clause : node.clauses) {
        walk_maybe(clause.target, visitor);
        walk(*clause.subject, visitor);
      }
      return;
    }
    case ExprKind::kUnary:
      return walk(*as<UnaryExpr>(expr).operand, visitor);
    case ExprKind::kBinary:
      walk(*as<BinaryExpr>(expr).left, visitor);
      return walk(*as<BinaryExpr>(expr).right, visitor);
    case ExprKind::kLogical:
      walk(*as<LogicalExpr>(expr).left, visitor);
      return walk(*as<LogicalExpr>(expr).right, visitor);
    case ExprKind::kConditional:
      walk(*as<ConditionalExpr>(expr).if_true, visitor);
      walk(*as<ConditionalExpr>(expr).condition, visitor);
      return walk(*as<ConditionalExpr>(expr).if_false, visitor);
    case ExprKind::kCall:
      walk(*as<CallExpr>(expr).function, visitor);
      for (const auto& argument : as<CallExpr>(expr).arguments) walk(*argument.value, visitor);
      return;
    case ExprKind::kIndex:
      walk(*as<IndexExpr>(expr).object, visitor);
      return walk(*as<IndexExpr>(expr).index, visitor);
    case ExprKind::kSlice:
      walk(*as<SliceExpr>(expr).object, visitor);
      walk_maybe(as<SliceExpr>(expr).start, visitor);
      walk_maybe(as<SliceExpr>(expr).stop, visitor);
      return walk_maybe(as<SliceExpr>(expr).step, visitor);
    case ExprKind::kDot:
      return walk(*as<DotExpr>(expr).object, visitor);
    case ExprKind::kLambda:
      return walk_function(*as<LambdaExpr>(expr).function, visitor);
  }
}

void walk(const Stmt& stmt, Visitor& visitor) {
  if (!visitor.visit(stmt)) return;
  switch (stmt.kind) {
    case StmtKind::kExpr:
      return walk(*as<ExprStmt>(stmt).expr, visitor);
    case StmtKind::kAssign:
      walk(*as<AssignStmt>(stmt).target, visitor);
      return walk(*as<AssignStmt>(stmt).value, visitor);
    case StmtKind::kDef:
      walk(*as<DefStmt>(stmt).name, visitor);
      return walk_function(*as<DefStmt>(stmt).function, visitor);
    case StmtKind::kIf:
      for (const auto& branch : as<IfStmt>(stmt).branches) {
        walk(*branch.condition, visitor);
        walk(branch.body, visitor);
      }
      return walk(as<IfStmt>(stmt).otherwise, visitor);
    case StmtKind::kFor:
      walk(*as<ForStmt>(stmt).target, visitor);
      walk(*as<ForStmt>(stmt).iterable, visitor);
      return walk(as<ForStmt>(stmt).body, visitor);
    case StmtKind::kWhile:
      walk(*as<WhileStmt>(stmt).condition, visitor);
      return walk(as<WhileStmt>(stmt).body, visitor);
    case StmtKind::kReturn:
      return walk_maybe(as<ReturnStmt>(stmt).value, visitor);
    case StmtKind::kLoad:
      for (const auto& loaded : as<LoadStmt>(stmt).names) walk(*loaded.local, visitor);
      return;
    case StmtKind::kBreak:
    case StmtKind::kContinue:
    case StmtKind::kPass:
      return;
  }
}

void walk(Block block, Visitor& visitor) {
  for (const Stmt* stmt : block) walk(*stmt, visitor);
}

}  // namespace mishap::starlark::ast
