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
  clause(expr, 0);
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
  emit(Op::kJumpBack, start, 0);
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

namespace {

bool takes_operand(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kFloorDivide:
    case Op::kModulo:
    case Op::kInplaceAdd:
    case Op::kInplaceSubtract:
    case Op::kEqual:
    case Op::kNotEqual:
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kGreater:
    case Op::kGreaterEqual:
      return true;
    default:
      return false;
  }
}

}  // namespace

void FunctionCompiler::emit_operator(Op op) {
  const uint32_t last = code_.instructions.back();
  const uint32_t operand = last >> 8;
  const auto is = [&](Op wanted) { return (last & 0xFF) == static_cast<uint32_t>(wanted); };
  const bool number = is(Op::kConst) && !code_.constants[operand].is_object();
  if (!takes_operand(op) || barrier_ == here() || operand > kMaxOperand / 4 ||
      !(number || is(Op::kLocal))) {
    emit(op, 0, -1);
    return;
  }
  // The operand's instruction goes, and with it the position that it alone had.
  code_.instructions.pop_back();
  if (code_.positions.back().from == here()) code_.positions.pop_back();
  emit(op, number ? constant_operand(operand) : local_operand(operand), -1);
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
  const bool plain = std::all_of(arguments.begin(), arguments.end(), [](const Argument& each) {
    return each.kind == ArgumentKind::kPositional;
  });
  const auto* dot = if_a<DotExpr>(expr.function);
  const auto count = static_cast<int>(arguments.size());
  if (plain && dot != nullptr) {
    expression(*dot->object);
    at(dot->at);
    emit(Op::kMethod, text_constant(dot->name), 1);
    for (const Argument& argument : arguments) expression(*argument.value);
    at(expr.at);
    emit(Op::kCallMethod, arguments.size(), -count - 1);
    return;
  }
  expression(*expr.function);
  size_t positional = 0;
  size_t keywords = 0;
  uint32_t flags = 0;
  int pushed = 0;
  for (const Argument& argument : arguments) {
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
  emit(plain ? Op::kCall : Op::kCallFull, positional, -pushed);
  if (!plain) emit_word(static_cast<uint32_t>(keywords) << 2 | flags);
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
