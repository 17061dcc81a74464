// Statements: each leaves the stack as it was.
#include <algorithm>

#include "mishap/base/check.h"

#include "compiler_impl.h"

namespace mishap::starlark {

void FunctionCompiler::block(Block statements) {
  for (const Stmt* stmt : statements) statement(*stmt);
}

void FunctionCompiler::statement(const Stmt& stmt) {
  at(stmt.at);
  switch (stmt.kind) {
    case StmtKind::kExpr:
      if (as<ExprStmt>(stmt).expr->kind == ExprKind::kString) return;  // a comment or docstring
      expression(*as<ExprStmt>(stmt).expr);
      emit(Op::kPop, 0, -1);
      return;
    case StmtKind::kAssign:
      if (as<AssignStmt>(stmt).op) return augmented(as<AssignStmt>(stmt));
      expression(*as<AssignStmt>(stmt).value);
      at(stmt.at);
      return assign_to(*as<AssignStmt>(stmt).target);
    case StmtKind::kDef:
      function_value(*as<DefStmt>(stmt).function);
      return store(*as<DefStmt>(stmt).name);
    case StmtKind::kIf:
      return if_statement(as<IfStmt>(stmt));
    case StmtKind::kFor:
      return for_statement(as<ForStmt>(stmt));
    case StmtKind::kWhile:
      return while_statement(as<WhileStmt>(stmt));
    case StmtKind::kReturn:
      if (as<ReturnStmt>(stmt).value == nullptr) {
        load_none();
      } else {
        expression(*as<ReturnStmt>(stmt).value);
      }
      emit(Op::kReturn, 0, -1);
      return;
    case StmtKind::kBreak:
      return break_or_continue(true);
    case StmtKind::kContinue:
      return break_or_continue(false);
    case StmtKind::kPass:
      return;
    case StmtKind::kLoad:
      return load_statement(as<LoadStmt>(stmt));
  }
}

// Takes the value on top.
void FunctionCompiler::assign_to(const Expr& target) {
  switch (target.kind) {
    case ExprKind::kIdentifier:
      return store(as<Identifier>(target));
    case ExprKind::kIndex:
      expression(*as<IndexExpr>(target).object);
      emit(Op::kSwap, 0, 0);
      expression(*as<IndexExpr>(target).index);
      emit(Op::kSwap, 0, 0);
      at(target.at);
      emit(Op::kStoreIndex, 0, -3);
      return;
    case ExprKind::kDot:
      expression(*as<DotExpr>(target).object);
      emit(Op::kSwap, 0, 0);
      at(target.at);
      emit(Op::kStoreAttr, text_constant(as<DotExpr>(target).name), -2);
      return;
    case ExprKind::kTuple:
    case ExprKind::kList: {
      const auto targets = target.kind == ExprKind::kTuple ? as<TupleExpr>(target).elements
                                                           : as<ListExpr>(target).elements;
      // The targets are what does not fit. The line stays the statement's.
      if (target.span.begin.line == pos_.line) at(target.span.begin);
      emit(Op::kUnpack, targets.size(), static_cast<int>(targets.size()) - 1);
      for (const Expr* each : targets) assign_to(*each);
      return;
    }
    default:
      MISHAP_CHECK(false, "not a target");
  }
}

// The operators that change lists, dicts and sets in place have instructions of their own.
static Op inplace_opcode(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return Op::kInplaceAdd;
    case BinaryOp::kSubtract:
      return Op::kInplaceSubtract;
    case BinaryOp::kOr:
      return Op::kInplaceOr;
    case BinaryOp::kAnd:
      return Op::kInplaceAnd;
    case BinaryOp::kXor:
      return Op::kInplaceXor;
    default:
      return opcode(op);
  }
}

void FunctionCompiler::augmented(const AssignStmt& stmt) {
  const Op op = inplace_opcode(*stmt.op);
  switch (stmt.target->kind) {
    case ExprKind::kIdentifier: {
      const auto& name = as<Identifier>(*stmt.target);
      if (op == Op::kInplaceAdd && is_surely_bound(name) && !is_operand(*stmt.value))
        return add_to_local(stmt);
      load(name);
      expression(*stmt.value);
      at(stmt.at);
      emit_operator(op);
      store(name);
      return;
    }
    case ExprKind::kIndex: {
      const auto& index = as<IndexExpr>(*stmt.target);
      expression(*index.object);
      expression(*index.index);
      emit(Op::kDup2, 0, 2);
      at(index.at);
      emit(Op::kIndex, 0, -1);
      expression(*stmt.value);
      at(stmt.at);
      emit(op, 0, -1);
      at(index.at);
      emit(Op::kStoreIndex, 0, -3);
      return;
    }
    case ExprKind::kDot: {
      const auto& dot = as<DotExpr>(*stmt.target);
      expression(*dot.object);
      emit(Op::kDup, 0, 1);
      at(dot.at);
      emit(Op::kAttr, text_constant(dot.name), 0);
      expression(*stmt.value);
      at(stmt.at);
      emit(op, 0, -1);
      at(dot.at);
      emit(Op::kStoreAttr, text_constant(dot.name), -2);
      return;
    }
    default:
      MISHAP_CHECK(false, "not a target of an augmented assignment");
  }
}

// Nothing tells that the variable is looked at after the other value was computed: what is bound
// stays so, and no expression changes a local variable.
void FunctionCompiler::add_to_local(const AssignStmt& stmt) {
  expression(*stmt.value);
  at(stmt.at);
  // Room for the variable's value, which an addition that is not one of numbers needs.
  code_.max_stack = std::max(code_.max_stack, static_cast<uint32_t>(depth_) + 1);
  const auto slot = static_cast<size_t>(as<Identifier>(*stmt.target).binding.index);
  emit(Op::kAddToLocal, slot, -1);
}

// The body of a loop or a branch, which need not run.
void FunctionCompiler::inner_block(Block statements) {
  ++nested_;
  block(statements);
  --nested_;
}

void FunctionCompiler::if_statement(const IfStmt& stmt) {
  std::vector<size_t> ends;
  for (size_t i = 0; i < stmt.branches.size(); ++i) {
    const IfBranch& branch = stmt.branches[i];
    at(branch.at);
    const size_t skip = condition(*branch.condition);
    inner_block(branch.body);
    const bool last = i + 1 == stmt.branches.size() && stmt.otherwise.empty();
    if (!last) ends.push_back(emit(Op::kJump, 0, 0));
    point(skip);
  }
  inner_block(stmt.otherwise);
  for (const size_t end : ends) point(end);
}

void FunctionCompiler::for_statement(const ForStmt& stmt) {
  expression(*stmt.iterable);
  at(stmt.at);
  emit(Op::kIterate, 0, -1);
  loops_.push_back({here(), {}, true});
  const size_t next = emit(Op::kNext, 0, 1);
  ++nested_;
  assign_to(*stmt.target);
  --nested_;
  inner_block(stmt.body);
  at(stmt.at);
  emit(Op::kJumpNext, loops_.back().start, 0);
  point(next);
  for (const size_t jump : loops_.back().breaks) point(jump);
  loops_.pop_back();
}

void FunctionCompiler::while_statement(const WhileStmt& stmt) {
  loops_.push_back({here(), {}, false});
  const size_t exit = condition(*stmt.condition);
  inner_block(stmt.body);
  at(stmt.at);
  emit(Op::kJumpBack, loops_.back().start, 0);
  point(exit);
  for (const size_t jump : loops_.back().breaks) point(jump);
  loops_.pop_back();
}

void FunctionCompiler::break_or_continue(bool is_break) {
  Loop& loop = loops_.back();
  if (!is_break) {
    emit(loop.has_iterator ? Op::kJumpNext : Op::kJumpBack, loop.start, 0);
    return;
  }
  if (loop.has_iterator) emit(Op::kDropIterator, 0, 0);
  loop.breaks.push_back(emit(Op::kJump, 0, 0));
}

void FunctionCompiler::load_statement(const LoadStmt& stmt) {
  at(stmt.at);
  emit(Op::kLoadModule, text_constant(stmt.module), 1);
  for (const LoadedName& name : stmt.names) {
    at(name.name_span.begin);
    emit(Op::kLoadName, text_constant(name.name), 1);
    store(*name.local);
  }
  emit(Op::kPop, 0, -1);
}

}  // namespace mishap::starlark
