// The compiler's insides, shared by its three files.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: the compiler is about nothing else

/// A loop that is being compiled.
struct Loop {
  size_t start = 0;            // where `continue` jumps to
  std::vector<size_t> breaks;  // jumps to be pointed at the end
  bool has_iterator = false;
};

/// What the functions of a file have in common.
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

/// Compiles one function: compiler.cpp emits, compiler_expressions.cpp and compiler_statements.cpp
/// walk.
class FunctionCompiler {
 public:
  FunctionCompiler(ProgramBuilder& builder, const Function& function)
      : builder_(builder), function_(function), code_(*builder.new_code()) {}

  const Code* compile();

 private:
  // --- emitting
  void at(Position pos) { pos_ = pos; }
  size_t emit(Op op, size_t operand, int stack_change);
  /// The second word of an instruction.
  void emit_word(uint32_t word) {
    code_.instructions.push_back(word);
    barrier_ = here();
  }
  size_t here() const { return code_.instructions.size(); }
  void point(size_t jump) {  // a jump to here
    patch(jump, here());
    barrier_ = here();
  }
  /// The operator, with its operands taken into the instruction where they allow it.
  void emit_operator(Op op);
  bool is_operand(const Expr& expr) const;
  void take_back();
  void patch(size_t jump, size_t target);
  size_t constant(const Value& value);
  size_t text_constant(std::string_view text);
  void load_none() { emit(Op::kConst, none_constant(), 1); }
  size_t none_constant();

  // --- names
  void load(const Identifier& name);
  void store(const Identifier& name);
  /// Of a local variable that has a value wherever the compiler now is.
  bool is_surely_bound(const Identifier& name) const;

  // --- expressions: leave one value
  void expression(const Expr& expr);
  void long_list(Position pos, std::span<Expr* const> elements);
  void int_literal(const IntLiteral& literal);
  void dict_literal(const DictExpr& dict);
  void comprehension(const Comprehension& expr);
  void clause(const Comprehension& expr, size_t index);
  void unary(const UnaryExpr& expr);
  void binary(const BinaryExpr& expr);
  void logical(const LogicalExpr& expr);
  void conditional(const ConditionalExpr& expr);
  void call(const CallExpr& expr);
  void call_full(const CallExpr& expr);
  void slice(const SliceExpr& expr);
  void function_value(const Function& function);
  size_t condition(const Expr& expr);  // a jump taken when it is false

  // --- statements
  void block(Block statements);
  void inner_block(Block statements);
  void statement(const Stmt& stmt);
  void assign_to(const Expr& target);
  void augmented(const AssignStmt& stmt);
  void add_to_local(const AssignStmt& stmt);
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
  // Where the word before is not to be taken for an instruction that always comes before the next
  // one: a jump goes here, or it is the second of its instruction.
  size_t barrier_ = 0;
  std::vector<Loop> loops_;
  int nested_ = 0;           // branches and loops around
  std::vector<bool> bound_;  // local variables that a statement outside of those has set
  std::unordered_map<std::string, size_t> text_constants_;
  std::unordered_map<int64_t, size_t> int_constants_;
  size_t none_constant_ = SIZE_MAX;
};

/// The instruction that computes a binary operator.
Op opcode(BinaryOp op);

}  // namespace mishap::starlark
