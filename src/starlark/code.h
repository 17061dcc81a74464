// Compiled Starlark: what the compiler makes and the virtual machine runs.
//
// A stack machine, whose instructions are in opcode.h. A frame is a run of values: the parameters,
// the other local variables, then temporaries. A variable that a nested function uses lives in a
// Cell, which its slot then holds. Loops keep their iterators on a stack of their own, so a list
// under construction stays on top.
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

#include "opcode.h"

namespace mishap::starlark {

struct Program;

/// A call with arguments by position, then some by name, and neither *args nor **kwargs.
struct CallSite {
  uint32_t positional = 0;
  std::vector<Value> names;
  /// Which parameter of the function called last each name is, kRest when it belongs to **kwargs;
  /// and the serial number of that function's code. 0: of none.
  mutable uint64_t serial = 0;
  mutable std::vector<uint32_t> params;
};
inline constexpr uint32_t kRest = UINT32_MAX;

/// One function, or the body of a file.
struct Code {
  struct PositionEntry {
    uint32_t from;  // first instruction
    ast::Position pos;
  };
  /// Of a left operand that the instruction has taken in.
  struct OperandPosition {
    uint32_t instruction;
    ast::Position pos;
  };

  uint64_t serial = next_serial();
  const Program* program = nullptr;
  std::string name;
  std::string doc;
  ast::Position pos;
  std::vector<uint32_t> instructions;
  std::vector<PositionEntry> positions;            // ascending
  std::vector<OperandPosition> operand_positions;  // ascending
  std::vector<Value> constants;
  const Value* predeclared = nullptr;  // the program's
  /// What kMethod found last, by the constant with its name.
  struct CachedMethod {
    Kind kind = Kind::kInvalid;
    Value method;
  };
  mutable std::vector<CachedMethod> methods;  // as many as constants
  std::vector<CallSite> call_sites;
  std::vector<const Code*> nested;       // owned by the program
  std::vector<std::string> local_names;  // parameters first, then *args, **kwargs, the rest
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
  /// Where the left operand is that the instruction has taken in.
  ast::Position operand_position(size_t instruction) const;
  SourcePos source_pos(ast::Position at) const;

 private:
  static uint64_t next_serial();
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
class CellObject final : public Container {
 public:
  CellObject() : Container(Kind::kCell) {}
  void visit_children(const ValueVisitor& visit) override { visit(value); }
  Value value;
};

}  // namespace mishap::starlark
