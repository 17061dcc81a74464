#include "vm.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace mishap::starlark {
namespace {

void push(Value*& top, Value value) { new (top++) Value(std::move(value)); }
void pop(Value*& top) { (--top)->~Value(); }
void set_bool(Value& slot, bool value) { slot = Value::boolean(value); }

// The result of `a op b` replaces a; b is dropped. Both are ints, which need no destructor.
void set_int(Value*& top, int64_t value) {
  --top;
  new (top - 1) Value(Value::integer(value));
}

void set_float(Value*& top, double value) {
  --top;
  new (top - 1) Value(Value::real(value));
}

bool both_int(const Value* top) { return top[-2].is_int64() && top[-1].is_int64(); }
bool both_float(const Value* top) { return top[-2].is_float() && top[-1].is_float(); }

bool holds(Op op, int64_t a, int64_t b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kNotEqual:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

BinaryOperator binary_operator(Op op) {
  return static_cast<BinaryOperator>(static_cast<uint8_t>(op) - static_cast<uint8_t>(Op::kAdd));
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
    constants = code->constants.data();            \
    globals = function->module_->globals_.data();  \
    pc = frame_now.pc;                             \
    base = frame_now.base;                         \
    top = state_.top;                              \
  } while (false)
#define VM_TRY(call)            \
  do {                          \
    VM_SYNC();                  \
    if (!(call)) goto on_error; \
  } while (false)
#define VM_ENTER(...)                                 \
  do {                                                \
    VM_SYNC();                                        \
    const Entered entered = enter(Call{__VA_ARGS__}); \
    if (entered == Entered::kFailed) goto on_error;   \
    if (entered == Entered::kFrame) {                 \
      VM_FRAME();                                     \
    } else {                                          \
      top = state_.top;                               \
    }                                                 \
  } while (false)

bool Vm::run(size_t floor) {
  static const Value kNoReceiver;
  const FunctionObject* function;
  const Code* code;
  const Value* constants;
  Value* globals;
  const uint32_t* pc;
  Value* base;
  Value* top;
  VM_FRAME();
  while (true) {
    const uint32_t word = *pc++;
    const uint32_t arg = word >> 8;
    switch (const Op op = static_cast<Op>(word & 0xFF); op) {
      case Op::kNop:
        break;
      case Op::kConst:
        new (top++) Value(constants[arg]);
        break;
      case Op::kLocal:
        if (!base[arg].is_valid()) [[unlikely]]
          VM_TRY(unbound("local", code->local_names[arg]));
        new (top++) Value(base[arg]);
        break;
      case Op::kStoreLocal:
        base[arg] = std::move(top[-1]);
        --top;
        break;
      case Op::kCell: {
        const Value& value = base[arg].as<CellObject>().value;
        if (!value.is_valid()) [[unlikely]]
          VM_TRY(unbound("local", code->local_names[arg]));
        new (top++) Value(value);
        break;
      }
      case Op::kStoreCell:
        base[arg].as<CellObject>().value = std::move(top[-1]);
        --top;
        break;
      case Op::kFree: {
        const Value& value = function->cells_[arg].as<CellObject>().value;
        if (!value.is_valid()) [[unlikely]]
          VM_TRY(unbound("local", code->free_names[arg]));
        new (top++) Value(value);
        break;
      }
      case Op::kGlobal:
        if (!globals[arg].is_valid()) [[unlikely]] {
          VM_TRY(unbound("global", code->program->global_names[arg]));
        }
        new (top++) Value(globals[arg]);
        break;
      case Op::kStoreGlobal:
        globals[arg] = std::move(top[-1]);
        --top;
        break;
      case Op::kPredeclared:
        new (top++) Value(code->program->predeclared[arg]);
        break;
      case Op::kMakeCell: {
        Value cell = heap_.make<CellObject>();
        cell.as<CellObject>().value = std::move(base[arg]);
        base[arg] = std::move(cell);
        break;
      }
      case Op::kSlot:
        new (top++) Value(base[arg]);
        break;
      case Op::kFreeCell:
        new (top++) Value(function->cells_[arg]);
        break;
      case Op::kPop:
        pop(top);
        break;
      case Op::kDup:
        new (top) Value(top[-1]);
        ++top;
        break;
      case Op::kDup2:
        new (top) Value(top[-2]);
        new (top + 1) Value(top[-1]);
        top += 2;
        break;
      case Op::kSwap:
        top[-1].swap(top[-2]);
        break;
      case Op::kUnary: {
        VM_SYNC();
        auto result = unary(thread_, static_cast<UnaryOperator>(arg), top[-1]);
        if (!result) {
          raise(std::move(result).error());
          goto on_error;
        }
        top[-1] = std::move(*result);
        break;
      }
      case Op::kNot:
        set_bool(top[-1], !truth(top[-1]));
        break;

      case Op::kAdd:
      case Op::kInplaceAdd: {
        int64_t sum = 0;
        if (both_int(top) &&
            !__builtin_add_overflow(top[-2].as_int64(), top[-1].as_int64(), &sum)) {
          set_int(top, sum);
        } else if (both_float(top)) {
          set_float(top, top[-2].as_double() + top[-1].as_double());
        } else if (top[-2].is_string() && top[-1].is_string()) {
          VM_TRY(add_text(top, pc, base, globals));
          --top;
        } else if (op == Op::kInplaceAdd) {
          VM_TRY(inplace_add(top));
          --top;
        } else {
          VM_TRY(binary_slow(BinaryOperator::kAdd, top));
          --top;
        }
        break;
      }
      case Op::kSubtract: {
        int64_t difference = 0;
        if (both_int(top) &&
            !__builtin_sub_overflow(top[-2].as_int64(), top[-1].as_int64(), &difference)) {
          set_int(top, difference);
        } else if (both_float(top)) {
          set_float(top, top[-2].as_double() - top[-1].as_double());
        } else {
          VM_TRY(binary_slow(BinaryOperator::kSubtract, top));
          --top;
        }
        break;
      }
      case Op::kMultiply: {
        int64_t product = 0;
        if (both_int(top) &&
            !__builtin_mul_overflow(top[-2].as_int64(), top[-1].as_int64(), &product)) {
          set_int(top, product);
        } else if (both_float(top)) {
          set_float(top, top[-2].as_double() * top[-1].as_double());
        } else {
          VM_TRY(binary_slow(BinaryOperator::kMultiply, top));
          --top;
        }
        break;
      }
      case Op::kDivide:
        if (both_float(top) && top[-1].as_double() != 0) {
          set_float(top, top[-2].as_double() / top[-1].as_double());
          break;
        }
        VM_TRY(binary_slow(BinaryOperator::kDivide, top));
        --top;
        break;
      case Op::kModulo:
        if (both_int(top) && top[-2].as_int64() >= 0 && top[-1].as_int64() > 0) {
          set_int(top, top[-2].as_int64() % top[-1].as_int64());
          break;
        }
        VM_TRY(binary_slow(BinaryOperator::kModulo, top));
        --top;
        break;
      case Op::kFloorDivide:
        if (both_int(top) && top[-2].as_int64() >= 0 && top[-1].as_int64() > 0) {
          set_int(top, top[-2].as_int64() / top[-1].as_int64());
          break;
        }
        VM_TRY(binary_slow(BinaryOperator::kFloorDivide, top));
        --top;
        break;
      case Op::kBitAnd:
      case Op::kBitOr:
      case Op::kBitXor:
      case Op::kShiftLeft:
      case Op::kShiftRight:
        VM_TRY(binary_slow(binary_operator(op), top));
        --top;
        break;
      case Op::kInplaceOr:
        VM_TRY(inplace_or(top));
        --top;
        break;

      case Op::kEqual:
      case Op::kNotEqual:
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual: {
        bool result = false;
        if (both_int(top)) {
          result = holds(op, top[-2].as_int64(), top[-1].as_int64());
          top -= 2;
        } else {
          VM_TRY(compare_slow(op, top, result));
          pop(top);
          pop(top);
        }
        // A comparison mostly decides a jump; then its result need not become a value.
        const uint32_t next = *pc;
        if (static_cast<Op>(next & 0xFF) == Op::kJumpIfFalse) {
          pc = result ? pc + 1 : code->instructions.data() + (next >> 8);
        } else {
          new (top++) Value(Value::boolean(result));
        }
        break;
      }
      case Op::kIn:
      case Op::kNotIn: {
        VM_SYNC();
        auto found = contains(thread_, top[-1], top[-2]);
        if (!found) {
          raise(std::move(found).error());
          goto on_error;
        }
        pop(top);
        set_bool(top[-1], *found == (op == Op::kIn));
        break;
      }

      case Op::kJump:
        pc = code->instructions.data() + arg;
        break;
      case Op::kJumpBack:
        pc = code->instructions.data() + arg;
        if (!within_limits()) [[unlikely]]
          VM_TRY(check_limits());
        break;
      case Op::kJumpIfFalse: {
        const bool taken = !truth(top[-1]);
        pop(top);
        if (taken) pc = code->instructions.data() + arg;
        break;
      }
      case Op::kJumpIfTrue: {
        const bool taken = truth(top[-1]);
        pop(top);
        if (taken) pc = code->instructions.data() + arg;
        break;
      }
      case Op::kAnd:
        if (!truth(top[-1])) {
          pc = code->instructions.data() + arg;
        } else {
          pop(top);
        }
        break;
      case Op::kOr:
        if (truth(top[-1])) {
          pc = code->instructions.data() + arg;
        } else {
          pop(top);
        }
        break;

      case Op::kIterate: {
        VM_SYNC();
        auto iteration = Iteration::start(thread_, top[-1]);
        if (!iteration) {
          raise(std::move(iteration).error());
          goto on_error;
        }
        state_.iterators.push_back(std::move(*iteration));
        pop(top);
        break;
      }
      case Op::kNext: {
        Iteration& iteration = state_.iterators.back();
        if (iteration.host_ != nullptr) [[unlikely]] {
          VM_SYNC();
          auto item = iteration.next();
          if (!item) {
            raise(std::move(item).error());
            goto on_error;
          }
          if (item->is_valid()) {
            push(top, std::move(*item));
            break;
          }
        } else {
          new (top) Value();
          if (iteration.step(*top)) {
            ++top;
            break;
          }
        }
        state_.iterators.pop_back();
        pc = code->instructions.data() + arg;
        break;
      }
      case Op::kDropIterator:
        state_.iterators.pop_back();
        break;

      case Op::kList: {
        Value list = heap_.list(
            std::vector<Value>(std::make_move_iterator(top - arg), std::make_move_iterator(top)));
        for (uint32_t i = 0; i < arg; ++i) pop(top);
        push(top, std::move(list));
        break;
      }
      case Op::kTuple: {
        Tuple* tuple = heap_.new_tuple(arg);
        std::move(top - arg, top, tuple->mutable_items().begin());
        top -= arg;
        new (top++) Value(tuple);
        break;
      }
      case Op::kDict:
        push(top, heap_.dict());
        break;
      case Op::kAppend: {
        auto& list = top[-2].as<List>();
        list.raw().push_back(std::move(top[-1]));
        list.recharge();
        --top;
        break;
      }
      case Op::kInsert:
      case Op::kInsertNew: {
        VM_SYNC();
        auto& dict = top[-3].as<Dict>();
        const size_t before = dict.size();
        auto done = dict.set(top[-2], std::move(top[-1]));
        if (done && op == Op::kInsertNew && dict.size() == before) {
          done = fail(fmt::format("duplicate key: {}", repr(top[-2])));
        }
        if (!done) {
          raise(std::move(done).error());
          goto on_error;
        }
        pop(top);
        pop(top);
        break;
      }
      case Op::kIndex: {
        const Value& container = top[-2];
        if (container.is_list() && top[-1].is_int64()) {
          const auto& list = container.as<List>();
          const auto position = static_cast<uint64_t>(top[-1].as_int64());
          if (position < list.size()) {
            Value item = list[position];
            --top;
            top[-1] = std::move(item);
            break;
          }
        }
        VM_TRY(index_slow(top));
        --top;
        break;
      }
      case Op::kStoreIndex: {
        VM_SYNC();
        auto done = set_index(thread_, top[-3], top[-2], top[-1]);
        if (!done) {
          raise(std::move(done).error());
          goto on_error;
        }
        pop(top);
        pop(top);
        pop(top);
        break;
      }
      case Op::kSlice: {
        VM_SYNC();
        auto result = slice(thread_, top[-4], top[-3], top[-2], top[-1]);
        if (!result) {
          raise(std::move(result).error());
          goto on_error;
        }
        pop(top);
        pop(top);
        pop(top);
        top[-1] = std::move(*result);
        break;
      }
      case Op::kAttr: {
        VM_SYNC();
        auto result = attr(thread_, top[-1], constants[arg].text());
        if (!result) {
          raise(std::move(result).error());
          goto on_error;
        }
        top[-1] = std::move(*result);
        break;
      }
      case Op::kStoreAttr: {
        VM_SYNC();
        auto done = set_attr(thread_, top[-2], constants[arg].text(), top[-1]);
        if (!done) {
          raise(std::move(done).error());
          goto on_error;
        }
        pop(top);
        pop(top);
        break;
      }
      case Op::kMethod:
        VM_TRY(load_method(constants[arg], top));
        break;

      case Op::kCall: {
        Value* callee = top - arg - 1;
        VM_ENTER(callee, callee, &kNoReceiver, callee + 1, arg, 0);
        break;
      }
      case Op::kCallMethod: {
        Value* callee = top - arg - 2;
        VM_ENTER(callee, callee, callee + 1, callee + 2, arg, 0);
        break;
      }
      case Op::kCallFull: {
        const uint32_t flags = *pc++;
        size_t positional = arg;
        size_t keywords = flags >> 2;
        Value* callee = top - positional - 2 * keywords - (flags & 1) - (flags >> 1 & 1) - 1;
        if ((flags & 3) != 0) VM_TRY(spread_arguments(flags, positional, keywords, top));
        VM_ENTER(callee, callee, &kNoReceiver, callee + 1, positional, keywords);
        break;
      }
      case Op::kFunction:
        VM_TRY(make_function(*code->nested[arg], *function, top));
        break;
      case Op::kUnpack: {
        if (top[-1].is_tuple() && top[-1].as<Tuple>().size() == arg) {
          const Value tuple = std::move(*--top);
          for (uint32_t i = arg; i-- > 0;) new (top++) Value(tuple.as<Tuple>()[i]);
          break;
        }
        VM_TRY(unpack(arg, top));
        break;
      }
      case Op::kLoadModule:
        VM_TRY(load_module(constants[arg], *code->program, top));
        break;
      case Op::kLoadName:
        VM_TRY(load_name(constants[arg], top));
        break;
      case Op::kReturn: {
        Value result = std::move(*--top);
        state_.top = top;
        Value* slot = state_.frames.back().result;
        pop_frame();
        new (slot) Value(std::move(result));
        state_.top = slot + 1;
        if (state_.frames.size() == floor) return true;
        VM_FRAME();
        break;
      }
    }
    continue;
  on_error:
    unwind(floor);
    return false;
  }
}

#undef VM_SYNC
#undef VM_FRAME
#undef VM_TRY
#undef VM_ENTER

}  // namespace mishap::starlark
