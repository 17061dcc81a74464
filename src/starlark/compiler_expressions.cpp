// Expressions: each leaves one value on the stack.
#include <algorithm>

#include "mishap/base/check.h"
#include "mishap/starlark/operations.h"

#include "compiler_impl.h"

namespace mishap::starlark {
namespace {

// A list of more is built as it goes.
constexpr size_t kElementsAtOnce = 1024;

}  // namespace

void FunctionCompiler::expression(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kIdentifier:
      return load(as<Identifier>(expr));
    case ExprKind::kInt:
      return int_literal(as<IntLiteral>(expr));
    case ExprKind::kFloat:
      emit(Op::kConst, constant(Value::real(as<FloatLiteral>(expr).value)), 1);
      return;
    case ExprKind::kString:
      emit(Op::kConst, text_constant(as<StringLiteral>(expr).value), 1);
      return;
    case ExprKind::kBytes:
      emit(Op::kConst, constant(builder_.heap.bytes(as<BytesLiteral>(expr).value)), 1);
      return;
    case ExprKind::kList:
    case ExprKind::kTuple: {
      const bool is_list = expr.kind == ExprKind::kList;
      const auto elements = is_list ? as<ListExpr>(expr).elements : as<TupleExpr>(expr).elements;
      if (is_list && elements.size() > kElementsAtOnce) return long_list(expr.at, elements);
      for (const Expr* element : elements) expression(*element);
      at(expr.at);
      emit(is_list ? Op::kList : Op::kTuple, elements.size(),
           1 - static_cast<int>(elements.size()));
      return;
    }
    case ExprKind::kDict:
      return dict_literal(as<DictExpr>(expr));
    case ExprKind::kComprehension:
      return comprehension(as<Comprehension>(expr));
    case ExprKind::kUnary:
      return unary(as<UnaryExpr>(expr));
    case ExprKind::kBinary:
      return binary(as<BinaryExpr>(expr));
    case ExprKind::kLogical:
      return logical(as<LogicalExpr>(expr));
    case ExprKind::kConditional:
      return conditional(as<ConditionalExpr>(expr));
    case ExprKind::kCall:
      return call(as<CallExpr>(expr));
    case ExprKind::kIndex:
      expression(*as<IndexExpr>(expr).object);
      expression(*as<IndexExpr>(expr).index);
      at(expr.at);
      emit(Op::kIndex, 0, -1);
      return;
    case ExprKind::kSlice:
      return slice(as<SliceExpr>(expr));
    case ExprKind::kDot:
      expression(*as<DotExpr>(expr).object);
      at(expr.at);
      emit(Op::kAttr, text_constant(as<DotExpr>(expr).name), 0);
      return;
    case ExprKind::kLambda:
      return function_value(*as<LambdaExpr>(expr).function);
  }
}

// Element by element, so that the stack need not hold them all.
void FunctionCompiler::long_list(Position pos, std::span<Expr* const> elements) {
  at(pos);
  emit(Op::kList, 0, 1);
  for (const Expr* element : elements) {
    expression(*element);
    at(pos);
    emit(Op::kAppend, 0, -1);
  }
}

void FunctionCompiler::int_literal(const IntLiteral& literal) {
  if (literal.value) {
    emit(Op::kConst, constant(Value::integer(*literal.value)), 1);
    return;
  }
  auto number = BigInt::parse(literal.digits, literal.base);
  MISHAP_CHECK(number.has_value(), "int literal {}", literal.digits);
  emit(Op::kConst, constant(builder_.heap.integer(*std::move(number))), 1);
}

void FunctionCompiler::dict_literal(const DictExpr& dict) {
  at(dict.at);
  emit(Op::kDict, 0, 1);
  for (const DictEntry& entry : dict.entries) {
    expression(*entry.key);
    expression(*entry.value);
    at(entry.colon);
    emit(Op::kInsertNew, 0, -2);
  }
}

void FunctionCompiler::comprehension(const Comprehension& expr) {
  at(expr.at);
  // The first subject is outside the comprehension's scope, but nothing is lost by evaluating it
  // after the list was made.
  emit(expr.key == nullptr ? Op::kList : Op::kDict, 0, 1);
  ++nested_;
  clause(expr, 0);
  --nested_;
}

void FunctionCompiler::clause(const Comprehension& expr, size_t index) {
  if (index == expr.clauses.size()) {
    if (expr.key != nullptr) {
      expression(*expr.key);
      expression(*expr.element);
      at(expr.at);
      emit(Op::kInsert, 0, -2);
    } else {
      expression(*expr.element);
      at(expr.at);
      emit(Op::kAppend, 0, -1);
    }
    return;
  }
  const Clause& each = expr.clauses[index];
  if (!each.is_for()) {
    const size_t skip = condition(*each.subject);
    clause(expr, index + 1);
    point(skip);
    return;
  }
  expression(*each.subject);
  at(each.at);
  emit(Op::kIterate, 0, -1);
  const size_t start = here();
  const size_t next = emit(Op::kNext, 0, 1);
  assign_to(*each.target);
  clause(expr, index + 1);
  at(each.at);
  emit(Op::kJumpNext, start, 0);
  point(next);
}

void FunctionCompiler::unary(const UnaryExpr& expr) {
  expression(*expr.operand);
  at(expr.at);
  switch (expr.op) {
    case UnaryOp::kNot:
      emit(Op::kNot, 0, 0);
      return;
    case UnaryOp::kMinus:
      emit(Op::kUnary, static_cast<size_t>(UnaryOperator::kMinus), 0);
      return;
    case UnaryOp::kPlus:
      emit(Op::kUnary, static_cast<size_t>(UnaryOperator::kPlus), 0);
      return;
    case UnaryOp::kInvert:
      emit(Op::kUnary, static_cast<size_t>(UnaryOperator::kInvert), 0);
      return;
  }
}

Op opcode(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
      return Op::kAdd;
    case BinaryOp::kSubtract:
      return Op::kSubtract;
    case BinaryOp::kMultiply:
      return Op::kMultiply;
    case BinaryOp::kDivide:
      return Op::kDivide;
    case BinaryOp::kFloorDivide:
      return Op::kFloorDivide;
    case BinaryOp::kModulo:
      return Op::kModulo;
    case BinaryOp::kAnd:
      return Op::kBitAnd;
    case BinaryOp::kOr:
      return Op::kBitOr;
    case BinaryOp::kXor:
      return Op::kBitXor;
    case BinaryOp::kShiftLeft:
      return Op::kShiftLeft;
    case BinaryOp::kShiftRight:
      return Op::kShiftRight;
    case BinaryOp::kEqual:
      return Op::kEqual;
    case BinaryOp::kNotEqual:
      return Op::kNotEqual;
    case BinaryOp::kLess:
      return Op::kLess;
    case BinaryOp::kLessEqual:
      return Op::kLessEqual;
    case BinaryOp::kGreater:
      return Op::kGreater;
    case BinaryOp::kGreaterEqual:
      return Op::kGreaterEqual;
    case BinaryOp::kIn:
      return Op::kIn;
    case BinaryOp::kNotIn:
      return Op::kNotIn;
  }
  return Op::kNop;
}

void FunctionCompiler::binary(const BinaryExpr& expr) {
  expression(*expr.left);
  expression(*expr.right);
  at(expr.at);
  emit_operator(opcode(expr.op));
}

// A local variable or a number on the right goes into the operator's instruction, and then a local
// variable on the left does, too.
void FunctionCompiler::emit_operator(Op op) {
  if (!takes_operands(op) || barrier_ == here()) return static_cast<void>(emit(op, 0, -1));
  const uint32_t last = code_.instructions.back();
  const bool number = opcode_of(last) == Op::kConst && !code_.constants[last >> 8].is_object();
  if (last >> 8 > kMaxOperand / 4 || !(number || opcode_of(last) == Op::kLocal))
    return static_cast<void>(emit(op, 0, -1));
  const uint32_t right = number ? constant_operand(last >> 8) : local_operand(last >> 8);
  take_back();
  const uint32_t before = code_.instructions.empty() ? 0 : code_.instructions.back();
  if (opcode_of(before) != Op::kLocal || barrier_ == here() || right > kRightMask ||
      before >> 8 >= 1U << (24 - kRightBits)) {
    emit(with_right(op), right, -1);
    return;
  }
  const Position left = code_.position_at(here() - 1);
  take_back();
  code_.operand_positions.push_back({static_cast<uint32_t>(here()), left});
  emit(with_both(op), (before >> 8) << kRightBits | right, -1);
}

// Whether emit_operator takes the expression into the operator's instruction.
bool FunctionCompiler::is_operand(const Expr& expr) const {
  if (expr.kind == ExprKind::kIdentifier)
    return as<Identifier>(expr).binding.scope == Scope::kLocal;
  return expr.kind == ExprKind::kFloat ||
         (expr.kind == ExprKind::kInt && as<IntLiteral>(expr).value.has_value());
}

// The last instruction goes, and with it the position that it alone had.
void FunctionCompiler::take_back() {
  code_.instructions.pop_back();
  if (code_.positions.back().from == here()) code_.positions.pop_back();
}

void FunctionCompiler::logical(const LogicalExpr& expr) {
  expression(*expr.left);
  at(expr.at);
  const size_t jump = emit(expr.op == LogicalOp::kAnd ? Op::kAnd : Op::kOr, 0, -1);
  expression(*expr.right);
  point(jump);
}

void FunctionCompiler::conditional(const ConditionalExpr& expr) {
  const size_t otherwise = condition(*expr.condition);
  expression(*expr.if_true);
  const size_t end = emit(Op::kJump, 0, -1);
  point(otherwise);
  expression(*expr.if_false);
  point(end);
}

void FunctionCompiler::call(const CallExpr& expr) {
  const auto arguments = expr.arguments;
  const auto has = [&](ArgumentKind kind) {
    return std::any_of(arguments.begin(), arguments.end(),
                       [&](const Argument& each) { return each.kind == kind; });
  };
  if (has(ArgumentKind::kArgs) || has(ArgumentKind::kKwargs)) return call_full(expr);
  const auto count = static_cast<int>(arguments.size());
  const auto* dot = if_a<DotExpr>(expr.function);
  const bool named = has(ArgumentKind::kNamed);
  const bool method = dot != nullptr && !named;
  if (method) {
    expression(*dot->object);
    at(dot->at);
    emit(Op::kMethod, text_constant(dot->name), 1);
  } else {
    expression(*expr.function);
  }
  CallSite site;
  for (const Argument& argument : arguments) {
    expression(*argument.value);
    if (argument.kind == ArgumentKind::kPositional) {
      ++site.positional;
    } else {
      site.names.push_back(code_.constants[text_constant(argument.name)]);
    }
  }
  at(expr.at);
  if (!named) {
    emit(method ? Op::kCallMethod : Op::kCall, arguments.size(), method ? -count - 1 : -count);
    return;
  }
  // Room for the names, which most functions need not see.
  const auto names = static_cast<uint32_t>(site.names.size());
  code_.max_stack = std::max(code_.max_stack, static_cast<uint32_t>(depth_) + names);
  code_.call_sites.push_back(std::move(site));
  emit(Op::kCallNamed, code_.call_sites.size() - 1, -count);
}

// A call with *args or **kwargs.
void FunctionCompiler::call_full(const CallExpr& expr) {
  expression(*expr.function);
  size_t positional = 0;
  size_t keywords = 0;
  uint32_t flags = 0;
  int pushed = 0;
  for (const Argument& argument : expr.arguments) {
    if (argument.kind == ArgumentKind::kNamed) {
      emit(Op::kConst, text_constant(argument.name), 1);
      ++pushed;
    }
    expression(*argument.value);
    ++pushed;
    switch (argument.kind) {
      case ArgumentKind::kPositional:
        ++positional;
        break;
      case ArgumentKind::kNamed:
        ++keywords;
        break;
      case ArgumentKind::kArgs:
        flags |= 1;
        break;
      case ArgumentKind::kKwargs:
        flags |= 2;
        break;
    }
  }
  at(expr.at);
  emit(Op::kCallFull, positional, -pushed);
  emit_word(static_cast<uint32_t>(keywords) << 2 | flags);
}

void FunctionCompiler::slice(const SliceExpr& expr) {
  expression(*expr.object);
  for (const Expr* bound : {expr.start, expr.stop, expr.step}) {
    if (bound == nullptr) {
      load_none();
    } else {
      expression(*bound);
    }
  }
  at(expr.at);
  emit(Op::kSlice, 0, -3);
}

size_t FunctionCompiler::condition(const Expr& expr) {
  const auto* negation = if_a<UnaryExpr>(&expr);
  if (negation != nullptr && negation->op == UnaryOp::kNot) {
    expression(*negation->operand);
    return emit(Op::kJumpIfTrue, 0, -1);
  }
  expression(expr);
  return emit(Op::kJumpIfFalse, 0, -1);
}

}  // namespace mishap::starlark
