// Compiled Starlark: what the compiler makes and the virtual machine runs.
//
// A stack machine. An instruction is 32 bits: the opcode in the low 8, an operand in the high 24. A
// frame is a run of values: the parameters, the other local variables, then temporaries. A variable
// that a nested function uses lives in a Cell, which its slot then holds. Loops keep their
// iterators on a stack of their own, so a list under construction stays on top.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/source_pos.h"
#include "mishap/starlark/ast.h"
#include "mishap/starlark/objects.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

// Comments: operand; stack before -> after.
enum class Op : uint8_t {
  kNop,
  kConst,        // constant; -> x
  kLocal,        // slot; -> x
  kStoreLocal,   // slot; x ->
  kCell,         // slot of a cell; -> x
  kStoreCell,    // slot of a cell; x ->
  kFree,         // index of a captured cell; -> x
  kGlobal,       // index; -> x
  kStoreGlobal,  // index; x ->
  kPredeclared,  // index; -> x
  kMakeCell,     // slot; puts its value into a new cell
  kSlot,         // slot; -> what it holds, a cell as such
  kFreeCell,     // index of a captured cell; -> the cell itself
  kPop,          // x ->
  kDup,          // x -> x x
  kDup2,         // x y -> x y x y
  kSwap,         // x y -> y x
  kUnary,        // UnaryOperator; x -> y
  kNot,          // x -> bool
  kAdd,          // from here in the order of BinaryOperator; right operand; x y -> z
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kBitAnd,
  kBitOr,
  kBitXor,
  kShiftLeft,
  kShiftRight,
  kInplaceAdd,  // x += y: x y -> z
  kInplaceSubtract,
  kInplaceOr,  // x |= y: x y -> z
  kInplaceAnd,
  kInplaceXor,
  kEqual,  // x y -> bool
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,           // item container -> bool
  kNotIn,        // item container -> bool
  kJump,         // target
  kJumpBack,     // target; counts as a step
  kJumpIfFalse,  // target; x ->
  kJumpIfTrue,   // target; x ->
  kAnd,          // target; jumps keeping x when it is false, else x ->
  kOr,           // target; jumps keeping x when it is true, else x ->
  kIterate,      // iterable ->, and its iterator onto the iterators
  kNext,         // target; -> item, or jumps and drops the iterator at the end
  kDropIterator,
  kList,        // count; items -> list
  kTuple,       // count; items -> tuple
  kDict,        // -> empty dict
  kAppend,      // list x -> list
  kInsert,      // dict key value -> dict; comprehension
  kInsertNew,   // dict key value -> dict; a literal: repeated keys are errors
  kIndex,       // x key -> value
  kStoreIndex,  // x key value ->
  kSlice,       // x low high step -> value
  kAttr,        // constant with the name; x -> x.name
  kStoreAttr,   // constant with the name; x value ->
  kMethod,  // constant with the name; x -> function receiver, receiver invalid when the function
            // needs none
  kCall,    // count; function arguments -> result
  kCallMethod,  // count; function receiver arguments -> result
  kCallFull,  // count of positional; the next word: keywords << 2 | has **kwargs << 1 | has *args;
              // function positional (name value)… [args] [kwargs] -> result
  kFunction,  // index of its code; defaults cells -> function
  kUnpack,    // count; iterable -> items, first on top
  kLoadModule,  // constant with the name; -> module
  kLoadName,    // constant with the name; module -> module value
  kReturn,      // x ->
};

// The operand of kAdd, kSubtract, kMultiply, kModulo, kFloorDivide and the comparisons says where
// y is: 0 on the stack, 2 * i + 1 the constant i, 2 * i + 2 the local variable i.
inline constexpr uint32_t constant_operand(uint32_t index) { return 2 * index + 1; }
inline constexpr uint32_t local_operand(uint32_t slot) { return 2 * slot + 2; }

inline constexpr uint32_t kMaxOperand = (1U << 24) - 1;
inline constexpr uint32_t instruction(Op op, uint32_t operand = 0) {
  return static_cast<uint32_t>(op) | operand << 8;
}

struct Program;

/// One function, or the body of a file.
struct Code {
  struct PositionEntry {
    uint32_t from;  // first instruction
    ast::Position pos;
  };

  const Program* program = nullptr;
  std::string name;
  std::string doc;
  ast::Position pos;
  std::vector<uint32_t> instructions;
  std::vector<PositionEntry> positions;  // ascending
  std::vector<Value> constants;
  /// What kMethod found last, by the constant with its name.
  struct CachedMethod {
    Kind kind = Kind::kInvalid;
    Value method;
  };
  mutable std::vector<CachedMethod> methods;  // as many as constants
  std::vector<const Code*> nested;            // owned by the program
  std::vector<std::string> local_names;       // parameters first, then *args, **kwargs, the rest
  std::vector<std::string> free_names;
  uint32_t param_count = 0;         // without *args and **kwargs
  uint32_t keyword_only_count = 0;  // the last of param_count
  uint32_t default_count = 0;       // of the last parameters, an invalid value for those without
  bool has_varargs = false;
  bool has_kwargs = false;
  bool simple = false;          // none of the three above: a call by position just fills slots
  bool recursion = false;       // the dialect allows it
  uint32_t local_count = 0;     // of local_names
  uint32_t max_stack = 0;       // temporaries
  mutable uint32_t active = 0;  // frames now running it, on any thread

  uint32_t positional_count() const { return param_count - keyword_only_count; }
  ast::Position position_at(size_t instruction) const;
  SourcePos source_pos(ast::Position at) const;
};

/// A compiled file. Its constants belong to the interpreter's heap.
struct Program {
  std::string name;  // as positions show it
  std::string key;   // for loads in it
  std::string doc;
  std::vector<std::unique_ptr<Code>> codes;  // the first is the file's body
  std::vector<std::string> global_names;
  std::vector<bool> global_is_loaded;  // bound by a load, not a definition
  std::vector<std::string> predeclared_names;
  std::vector<Value> predeclared;  // their values
};

/// A variable shared with nested functions.
class CellObject final : public Object {
 public:
  CellObject() : Object(Kind::kCell) {}
  void visit_children(const ValueVisitor& visit) override { visit(value); }
  Value value;
};

}  // namespace mishap::starlark
