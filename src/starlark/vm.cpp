// The loop that runs instructions. Parts of it are in vm_run_*.h.
#include "vm.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mishap::starlark {
namespace {

// What takes the top by reference must be inlined: a top whose address is taken lives in memory
// instead of a register, which costs every instruction.
#define VM_INLINE [[gnu::always_inline]] inline

VM_INLINE void push(Value*& top, Value value) { new (top++) Value(std::move(value)); }
VM_INLINE void pop(Value*& top) { (--top)->~Value(); }
void set_bool(Value& slot, bool value) { slot = Value::boolean(value); }

// The result is above the top, the callee and its arguments below: the result goes where the callee
// was.
VM_INLINE void finish_quick(Value*& top, Value* callee) {
  Value result = std::move(*top);
  while (top > callee) pop(top);
  new (top++) Value(std::move(result));
}

#include "vm_numbers.h"

// Where the result of an operator goes when the next instruction stores it.
Value* stored_variable(const uint32_t* next, Value* base, Value* globals) {
  if (opcode_of(*next) == Op::kStoreLocal) return base + (*next >> 8);
  return opcode_of(*next) == Op::kStoreGlobal ? globals + (*next >> 8) : nullptr;
}

}  // namespace

// Registers of the loop: `top`, `pc`, `base` and what follows from the frame. They are written back
// to the frame and the state before anything that may look at them: calls, errors, slow arms.
#define VM_SYNC() (state_.top = top, state_.frames.back().pc = pc)
#define VM_FRAME()                                 \
  do {                                             \
    const Frame& frame_now = state_.frames.back(); \
    function = frame_now.function;                 \
    code = frame_now.code;                         \
    constants = frame_now.constants;               \
    globals = frame_now.globals;                   \
    pc = frame_now.pc;                             \
    base = frame_now.base;                         \
    top = state_.top;                              \
  } while (false)
#define VM_TRY(call)            \
  do {                          \
    VM_SYNC();                  \
    if (!(call)) goto on_error; \
  } while (false)
// A slow arm that moves the top itself.
#define VM_MOVE(call) \
  do {                \
    VM_TRY(call);     \
    top = state_.top; \
  } while (false)
#define VM_STEP()                      \
  do {                                 \
    if (!within_limits()) [[unlikely]] \
      VM_TRY(check_limits());          \
  } while (false)
#define VM_TARGET(operand) (code->instructions.data() + (operand))

// Each instruction ends by going to the next one's, not to a place where all meet: a processor
// foretells from where it is what comes next. No variable with a destructor may be in scope.
#define VM_CASE(NAME) at_##NAME:
#define VM_NEXT()                           \
  do {                                      \
    const uint32_t instruction_now = *pc++; \
    arg = instruction_now >> 8;             \
    goto* kPlaces[instruction_now & 0xFF];  \
  } while (false)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"  // labels as values are an extension

bool Vm::run() {
#define VM_PLACE(NAME) &&at_##NAME,
  static const void* const kPlaces[] = {MISHAP_STARLARK_OPCODES(VM_PLACE)};
#undef VM_PLACE
  static const Value kNoReceiver;
  const size_t floor = state_.frames.size() - 1;
  state_.frames.back().is_last = true;
  const FunctionObject* function;
  const Code* code;
  const Value* constants;
  Value* globals;
  const uint32_t* pc;
  Value* base;
  Value* top;
  uint32_t arg;
  Value* callee;
  const FunctionObject* called;
  VM_FRAME();
  VM_NEXT();

  VM_CASE(kNop)
  VM_NEXT();

  VM_CASE(kConst)
  new (top++) Value(constants[arg]);
  VM_NEXT();

  VM_CASE(kLocal)
  if (!base[arg].is_valid()) [[unlikely]]
    VM_TRY(unbound("local", code->local_names[arg]));
  new (top++) Value(base[arg]);
  VM_NEXT();

  VM_CASE(kStoreLocal)
  base[arg] = std::move(*--top);
  VM_NEXT();

  VM_CASE(kCell) {
    const Value& value = base[arg].as<CellObject>().value;
    if (!value.is_valid()) [[unlikely]]
      VM_TRY(unbound("local", code->local_names[arg]));
    new (top++) Value(value);
  }
  VM_NEXT();

  VM_CASE(kStoreCell)
  base[arg].as<CellObject>().value = std::move(*--top);
  VM_NEXT();

  VM_CASE(kFree) {
    const Value& value = function->cells_[arg].as<CellObject>().value;
    if (!value.is_valid()) [[unlikely]]
      VM_TRY(unbound("local", code->free_names[arg]));
    new (top++) Value(value);
  }
  VM_NEXT();

  VM_CASE(kGlobal)
  if (!globals[arg].is_valid()) [[unlikely]] {
    VM_TRY(unbound("global", code->program->global_names[arg]));
  }
  new (top++) Value(globals[arg]);
  VM_NEXT();

  VM_CASE(kStoreGlobal)
  globals[arg] = std::move(*--top);
  VM_NEXT();

  VM_CASE(kPredeclared)
  new (top++) Value(code->predeclared[arg]);
  VM_NEXT();

  VM_CASE(kMakeCell) {
    Value cell = heap_.make<CellObject>();
    cell.as<CellObject>().value = std::move(base[arg]);
    base[arg] = std::move(cell);
  }
  VM_NEXT();

  VM_CASE(kSlot)
  new (top++) Value(base[arg]);
  VM_NEXT();

  VM_CASE(kFreeCell)
  new (top++) Value(function->cells_[arg]);
  VM_NEXT();

  VM_CASE(kPop)
  pop(top);
  VM_NEXT();

  VM_CASE(kDup)
  new (top) Value(top[-1]);
  ++top;
  VM_NEXT();

  VM_CASE(kDup2)
  new (top) Value(top[-2]);
  new (top + 1) Value(top[-1]);
  top += 2;
  VM_NEXT();

  VM_CASE(kSwap)
  top[-1].swap(top[-2]);
  VM_NEXT();

#include "vm_run_operators.h"

  VM_CASE(kJump)
  pc = VM_TARGET(arg);
  VM_NEXT();

  VM_CASE(kJumpBack)
  pc = VM_TARGET(arg);
  VM_STEP();
  VM_NEXT();

  VM_CASE(kJumpIfFalse) {
    const bool taken = !truth(top[-1]);
    pop(top);
    if (taken) pc = VM_TARGET(arg);
  }
  VM_NEXT();

  VM_CASE(kJumpIfTrue) {
    const bool taken = truth(top[-1]);
    pop(top);
    if (taken) pc = VM_TARGET(arg);
  }
  VM_NEXT();

  VM_CASE(kAnd)
  if (!truth(top[-1])) {
    pc = VM_TARGET(arg);
  } else {
    pop(top);
  }
  VM_NEXT();

  VM_CASE(kOr)
  if (truth(top[-1])) {
    pc = VM_TARGET(arg);
  } else {
    pop(top);
  }
  VM_NEXT();

#include "vm_run_calls.h"
#include "vm_run_containers.h"

  VM_CASE(kLoadModule)
  VM_MOVE(load_module(constants[arg], *code->program));
  VM_NEXT();

  VM_CASE(kLoadName)
  VM_MOVE(load_name(constants[arg]));
  VM_NEXT();

on_error:
  unwind(floor);
  return false;
}

#pragma GCC diagnostic pop

}  // namespace mishap::starlark
