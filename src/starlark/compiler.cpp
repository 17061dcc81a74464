#include "compiler.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "mishap/base/check.h"
#include "mishap/starlark/host.h"
#include "mishap/starlark/operations.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: this file is about nothing else

namespace {

struct Loop {
  size_t start = 0;            // where `continue` jumps to
  std::vector<size_t> breaks;  // jumps to be pointed at the end
  bool has_iterator = false;
};

class ProgramBuilder {
 public:
  ProgramBuilder(const Module& module, const Dialect& dialect, Heap& heap)
      : module(module), dialect(dialect), heap(heap), program(std::make_shared<Program>()) {}

  Code* new_code() {
    program->codes.push_back(std::make_unique<Code>());
    return program->codes.back().get();
  }

  const Module& module;
  const Dialect& dialect;
  Heap& heap;
  std::shared_ptr<Program> program;
  bool overflow = false;  // an operand did not fit
};

// Compiles one function.
class FunctionCompiler {
 public:
  FunctionCompiler(ProgramBuilder& builder, const Function& function)
      : builder_(builder), function_(function), code_(*builder.new_code()) {}

  const Code* compile();

 private:
  // --- emitting
  void at(Position pos) { pos_ = pos; }
  size_t emit(Op op, size_t operand, int stack_change);
  void emit_word(uint32_t word) { code_.instructions.push_back(word); }
  size_t here() const { return code_.instructions.size(); }
  void point(size_t jump) { patch(jump, here()); }  // a jump to here
  void patch(size_t jump, size_t target);
  size_t constant(const Value& value);
  size_t text_constant(std::string_view text);
  void load_none() { emit(Op::kConst, none_constant(), 1); }
  size_t none_constant();

  // --- names
  void load(const Identifier& name);
  void store(const Identifier& name);

  // --- expressions: leave one value
  void expression(const Expr& expr);
  void int_literal(const IntLiteral& literal);
  void dict_literal(const DictExpr& dict);
  void comprehension(const Comprehension& expr);
  void clause(const Comprehension& expr, size_t index);
  void unary(const UnaryExpr& expr);
  void binary(const BinaryExpr& expr);
  void logical(const LogicalExpr& expr);
  void conditional(const ConditionalExpr& expr);
  void call(const CallExpr& expr);
  void slice(const SliceExpr& expr);
  void function_value(const Function& function);
  size_t condition(const Expr& expr);  // a jump taken when it is false

  // --- statements
  void block(Block statements);
  void statement(const Stmt& stmt);
  void assign_to(const Expr& target);
  void augmented(const AssignStmt& stmt);
  void if_statement(const IfStmt& stmt);
  void for_statement(const ForStmt& stmt);
  void while_statement(const WhileStmt& stmt);
  void load_statement(const LoadStmt& stmt);
  void break_or_continue(bool is_break);

  ProgramBuilder& builder_;
  const Function& function_;
  Code& code_;
  Position pos_;
  int depth_ = 0;
  std::vector<Loop> loops_;
  std::unordered_map<std::string, size_t> text_constants_;
  std::unordered_map<int64_t, size_t> int_constants_;
  size_t none_constant_ = SIZE_MAX;
};

// --- emitting

size_t FunctionCompiler::emit(Op op, size_t operand, int stack_change) {
  if (operand > kMaxOperand || here() > kMaxOperand) {
    builder_.overflow = true;
    operand = 0;
  }
  if (code_.positions.empty() || !(code_.positions.back().pos == pos_)) {
    code_.positions.push_back({static_cast<uint32_t>(here()), pos_});
  }
  code_.instructions.push_back(instruction(op, static_cast<uint32_t>(operand)));
  depth_ += stack_change;
  code_.max_stack = std::max(code_.max_stack, static_cast<uint32_t>(std::max(depth_, 0)));
  return here() - 1;
}

void FunctionCompiler::patch(size_t jump, size_t target) {
  if (target > kMaxOperand) {
    builder_.overflow = true;
    return;
  }
  code_.instructions[jump] = (code_.instructions[jump] & 0xFF) | static_cast<uint32_t>(target) << 8;
}

size_t FunctionCompiler::constant(const Value& value) {
  if (value.is_int64()) {
    const auto [known, is_new] =
        int_constants_.try_emplace(value.as_int64(), code_.constants.size());
    if (!is_new) return known->second;
  }
  code_.constants.push_back(value);
  return code_.constants.size() - 1;
}

size_t FunctionCompiler::text_constant(std::string_view text) {
  const auto [known, is_new] =
      text_constants_.try_emplace(std::string(text), code_.constants.size());
  if (is_new) {
    code_.constants.push_back(builder_.heap.string(text));
    freeze(code_.constants.back());  // never grown in place
  }
  return known->second;
}

size_t FunctionCompiler::none_constant() {
  if (none_constant_ == SIZE_MAX) none_constant_ = constant(Value::none());
  return none_constant_;
}

// --- names

void FunctionCompiler::load(const Identifier& name) {
  const auto index = static_cast<size_t>(name.binding.index);
  at(name.span.begin);
  switch (name.binding.scope) {
    case Scope::kLocal:
      emit(Op::kLocal, index, 1);
      return;
    case Scope::kCell:
      emit(Op::kCell, index, 1);
      return;
    case Scope::kFree:
      emit(Op::kFree, index, 1);
      return;
    case Scope::kGlobal:
      emit(Op::kGlobal, index, 1);
      return;
    case Scope::kPredeclared:
      emit(Op::kPredeclared, index, 1);
      return;
    case Scope::kUniversal:
      emit(Op::kPredeclared, builder_.module.predeclared.size() + index, 1);
      return;
    case Scope::kUndefined:
      MISHAP_CHECK(false, "unresolved name {}", name.name);
  }
}

void FunctionCompiler::store(const Identifier& name) {
  const auto index = static_cast<size_t>(name.binding.index);
  switch (name.binding.scope) {
    case Scope::kLocal:
      emit(Op::kStoreLocal, index, -1);
      return;
    case Scope::kCell:
      emit(Op::kStoreCell, index, -1);
      return;
    case Scope::kGlobal:
      emit(Op::kStoreGlobal, index, -1);
      return;
    default:
      MISHAP_CHECK(false, "assignment to {}", name.name);
  }
}

// --- functions

const Code* FunctionCompiler::compile() {
  code_.program = builder_.program.get();
  code_.name = function_.name;
  code_.doc = function_.docstring;
  code_.pos = function_.at;
  code_.recursion = builder_.dialect.allow_recursion;
  code_.param_count =
      static_cast<uint32_t>(function_.positional_count + function_.keyword_only_count);
  code_.keyword_only_count = static_cast<uint32_t>(function_.keyword_only_count);
  code_.has_varargs = function_.has_args;
  code_.has_kwargs = function_.has_kwargs;
  code_.simple = !code_.has_varargs && !code_.has_kwargs && code_.keyword_only_count == 0;
  for (const LocalVariable& local : function_.locals) code_.local_names.emplace_back(local.name);
  for (const FreeVariable& free : function_.free_variables)
    code_.free_names.emplace_back(free.name);
  size_t named = 0;
  for (const Parameter& parameter : function_.parameters) {
    if (parameter.kind == ParameterKind::kOptional && code_.default_count == 0) {
      code_.default_count = code_.param_count - static_cast<uint32_t>(named);
    }
    if (parameter.kind == ParameterKind::kOptional || parameter.kind == ParameterKind::kRequired)
      ++named;
  }
  at(function_.at);
  for (size_t i = 0; i < function_.locals.size(); ++i) {
    if (function_.locals[i].is_cell) emit(Op::kMakeCell, i, 0);
  }
  block(function_.body);
  load_none();
  emit(Op::kReturn, 0, -1);
  return &code_;
}

// Leaves the function made of its defaults and the cells it captures.
void FunctionCompiler::function_value(const Function& function) {
  const Code* code = FunctionCompiler(builder_, function).compile();
  bool seen_default = false;
  int pushed = 0;
  for (const Parameter& parameter : function.parameters) {
    if (parameter.kind == ParameterKind::kOptional) {
      seen_default = true;
      expression(*parameter.value);
      ++pushed;
    } else if (parameter.kind == ParameterKind::kRequired && seen_default) {
      // A required keyword-only parameter after one with a default: an empty cell marks "no
      // default".
      emit(Op::kConst, constant(builder_.heap.make<CellObject>()), 1);
      ++pushed;
    }
  }
  for (const FreeVariable& free : function.free_variables) {
    const auto index = static_cast<size_t>(free.outer.index);
    emit(free.outer.scope == Scope::kCell ? Op::kSlot : Op::kFreeCell, index, 1);
    ++pushed;
  }
  at(function.at);
  code_.nested.push_back(code);
  emit(Op::kFunction, code_.nested.size() - 1, 1 - pushed);
}

// --- expressions

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

void FunctionCompiler::int_literal(const IntLiteral& literal) {
  if (literal.value) {
    emit(Op::kConst, constant(Value::integer(*literal.value)), 1);
    return;
  }
  const auto number = BigInt::parse(literal.digits, literal.base);
  MISHAP_CHECK(number.has_value(), "int literal {}", literal.digits);
  emit(Op::kConst, constant(builder_.heap.integer(*number)), 1);
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
  emit(opcode(expr.op), 0, -1);
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

// --- statements

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
      emit(Op::kUnpack, targets.size(), static_cast<int>(targets.size()) - 1);
      for (const Expr* each : targets) assign_to(*each);
      return;
    }
    default:
      MISHAP_CHECK(false, "not a target");
  }
}

void FunctionCompiler::augmented(const AssignStmt& stmt) {
  const Op op = *stmt.op == BinaryOp::kAdd  ? Op::kInplaceAdd
                : *stmt.op == BinaryOp::kOr ? Op::kInplaceOr
                                            : opcode(*stmt.op);
  switch (stmt.target->kind) {
    case ExprKind::kIdentifier:
      load(as<Identifier>(*stmt.target));
      expression(*stmt.value);
      at(stmt.at);
      emit(op, 0, -1);
      store(as<Identifier>(*stmt.target));
      return;
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

void FunctionCompiler::if_statement(const IfStmt& stmt) {
  std::vector<size_t> ends;
  for (size_t i = 0; i < stmt.branches.size(); ++i) {
    const IfBranch& branch = stmt.branches[i];
    at(branch.at);
    const size_t skip = condition(*branch.condition);
    block(branch.body);
    const bool last = i + 1 == stmt.branches.size() && stmt.otherwise.empty();
    if (!last) ends.push_back(emit(Op::kJump, 0, 0));
    point(skip);
  }
  block(stmt.otherwise);
  for (const size_t end : ends) point(end);
}

void FunctionCompiler::for_statement(const ForStmt& stmt) {
  expression(*stmt.iterable);
  at(stmt.at);
  emit(Op::kIterate, 0, -1);
  loops_.push_back({here(), {}, true});
  const size_t next = emit(Op::kNext, 0, 1);
  assign_to(*stmt.target);
  block(stmt.body);
  at(stmt.at);
  emit(Op::kJumpBack, loops_.back().start, 0);
  point(next);
  for (const size_t jump : loops_.back().breaks) point(jump);
  loops_.pop_back();
}

void FunctionCompiler::while_statement(const WhileStmt& stmt) {
  loops_.push_back({here(), {}, false});
  const size_t exit = condition(*stmt.condition);
  block(stmt.body);
  at(stmt.at);
  emit(Op::kJumpBack, loops_.back().start, 0);
  point(exit);
  for (const size_t jump : loops_.back().breaks) point(jump);
  loops_.pop_back();
}

void FunctionCompiler::break_or_continue(bool is_break) {
  Loop& loop = loops_.back();
  if (!is_break) {
    emit(Op::kJumpBack, loop.start, 0);
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

}  // namespace

Result<std::shared_ptr<Program>> compile_module(const Module& module, const Dialect& dialect,
                                                Heap& heap) {
  ProgramBuilder builder(module, dialect, heap);
  Program& program = *builder.program;
  program.name = module.file;
  program.doc = module.toplevel->docstring;
  for (const GlobalVariable& global : module.globals) {
    program.global_names.emplace_back(global.name);
    program.global_is_loaded.push_back(!global.exported);
  }
  for (const std::string_view name : module.predeclared)
    program.predeclared_names.emplace_back(name);
  for (const std::string_view name : module.universal) program.predeclared_names.emplace_back(name);
  FunctionCompiler(builder, *module.toplevel).compile();
  if (builder.overflow) return fail("file too large to compile");
  return builder.program;
}

}  // namespace mishap::starlark
