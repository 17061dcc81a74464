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

// The result of an operator on numbers: it replaces the left operand, and the right one goes if it
// is on the stack. Numbers need no destructor.
VM_INLINE void set_number(Value*& top, Value* left, Value result) {
  new (left) Value(std::move(result));
  top = left + 1;
}

bool both_int(const Value* left, const Value* right) {
  return left->is_int64() && right->is_int64();
}
bool both_float(const Value* left, const Value* right) {
  return left->is_float() && right->is_float();
}

// Of numbers that are not negative. Division of 32 bits takes a fraction of the time of 64.
int64_t remainder(int64_t a, int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<uint32_t>(a) % static_cast<uint32_t>(b);
  return a % b;
}

VM_INLINE bool holds(Op op, int64_t a, int64_t b) {
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

// The result is above the top, the callee and its arguments below: the result goes where the callee
// was.
VM_INLINE void finish_quick(Value*& top, Value* callee) {
  Value result = std::move(*top);
  while (top > callee) pop(top);
  new (top++) Value(std::move(result));
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
// A slow arm that moves the top itself.
#define VM_MOVE(call) \
  do {                \
    VM_TRY(call);     \
    top = state_.top; \
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

// Where the two operands are: see constant_operand.
#define VM_OPERANDS()                                                  \
  Value* const left = arg == 0 ? top - 2 : top - 1;                    \
  const Value* const right = arg == 0         ? top - 1                \
                             : (arg & 1) != 0 ? constants + (arg >> 1) \
                                              : base + (arg >> 1) - 1
// Slow arms want both on the stack.
#define VM_PUSH_OPERAND()                                            \
  do {                                                               \
    if (arg != 0) {                                                  \
      if (!right->is_valid()) [[unlikely]]                           \
        VM_TRY(unbound("local", code->local_names[(arg >> 1) - 1])); \
      new (top++) Value(*right);                                     \
    }                                                                \
  } while (false)

// A comparison, with a body for each operator so that it need not ask which one it is. It mostly
// decides a jump; then its result need not become a value.
#define VM_COMPARE(OPERATOR)                                          \
  do {                                                                \
    VM_OPERANDS();                                                    \
    bool result = false;                                              \
    if (both_int(left, right)) {                                      \
      result = holds(OPERATOR, left->as_int64(), right->as_int64());  \
      top = left;                                                     \
    } else {                                                          \
      VM_PUSH_OPERAND();                                              \
      VM_SYNC();                                                      \
      const Compared compared = compare_slow(OPERATOR, top);          \
      if (compared == Compared::kFailed) goto on_error;               \
      result = compared == Compared::kTrue;                           \
      pop(top);                                                       \
      pop(top);                                                       \
    }                                                                 \
    const uint32_t next = *pc;                                        \
    if (static_cast<Op>(next & 0xFF) == Op::kJumpIfFalse) {           \
      pc = result ? pc + 1 : code->instructions.data() + (next >> 8); \
    } else {                                                          \
      new (top++) Value(Value::boolean(result));                      \
    }                                                                 \
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
        VM_OPERANDS();
        int64_t sum = 0;
        if (both_int(left, right) &&
            !__builtin_add_overflow(left->as_int64(), right->as_int64(), &sum)) {
          set_number(top, left, Value::integer(sum));
          break;
        }
        if (both_float(left, right)) {
          set_number(top, left, Value::real(left->as_double() + right->as_double()));
          break;
        }
        VM_PUSH_OPERAND();
        if (top[-2].is_string() && top[-1].is_string()) {
          VM_TRY(add_text(top, pc, base, globals));
        } else if (op == Op::kInplaceAdd) {
          VM_TRY(inplace_add(top));
        } else {
          VM_TRY(binary_slow(BinaryOperator::kAdd, top));
        }
        --top;
        break;
      }
      case Op::kSubtract:
      case Op::kInplaceSubtract: {
        VM_OPERANDS();
        int64_t difference = 0;
        if (both_int(left, right) &&
            !__builtin_sub_overflow(left->as_int64(), right->as_int64(), &difference)) {
          set_number(top, left, Value::integer(difference));
          break;
        }
        if (both_float(left, right)) {
          set_number(top, left, Value::real(left->as_double() - right->as_double()));
          break;
        }
        VM_PUSH_OPERAND();
        VM_TRY(op == Op::kSubtract ? binary_slow(BinaryOperator::kSubtract, top)
                                   : inplace_set(BinaryOperator::kSubtract, top));
        --top;
        break;
      }
      case Op::kMultiply: {
        VM_OPERANDS();
        int64_t product = 0;
        if (both_int(left, right) &&
            !__builtin_mul_overflow(left->as_int64(), right->as_int64(), &product)) {
          set_number(top, left, Value::integer(product));
          break;
        }
        if (both_float(left, right)) {
          set_number(top, left, Value::real(left->as_double() * right->as_double()));
          break;
        }
        VM_PUSH_OPERAND();
        VM_TRY(binary_slow(BinaryOperator::kMultiply, top));
        --top;
        break;
      }
      case Op::kModulo: {
        VM_OPERANDS();
        if (both_int(left, right) && left->as_int64() >= 0 && right->as_int64() > 0) {
          set_number(top, left, Value::integer(remainder(left->as_int64(), right->as_int64())));
          break;
        }
        VM_PUSH_OPERAND();
        VM_TRY(binary_slow(BinaryOperator::kModulo, top));
        --top;
        break;
      }
      case Op::kFloorDivide: {
        VM_OPERANDS();
        if (both_int(left, right) && left->as_int64() >= 0 && right->as_int64() > 0) {
          set_number(top, left, Value::integer(left->as_int64() / right->as_int64()));
          break;
        }
        VM_PUSH_OPERAND();
        VM_TRY(binary_slow(BinaryOperator::kFloorDivide, top));
        --top;
        break;
      }
      case Op::kDivide:
        if (both_float(top - 2, top - 1) && top[-1].as_double() != 0) {
          set_number(top, top - 2, Value::real(top[-2].as_double() / top[-1].as_double()));
          break;
        }
        VM_TRY(binary_slow(BinaryOperator::kDivide, top));
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
      case Op::kInplaceAnd:
        VM_TRY(inplace_set(BinaryOperator::kBitAnd, top));
        --top;
        break;
      case Op::kInplaceXor:
        VM_TRY(inplace_set(BinaryOperator::kBitXor, top));
        --top;
        break;

      case Op::kEqual:
        VM_COMPARE(Op::kEqual);
        break;
      case Op::kNotEqual:
        VM_COMPARE(Op::kNotEqual);
        break;
      case Op::kLess:
        VM_COMPARE(Op::kLess);
        break;
      case Op::kLessEqual:
        VM_COMPARE(Op::kLessEqual);
        break;
      case Op::kGreater:
        VM_COMPARE(Op::kGreater);
        break;
      case Op::kGreaterEqual:
        VM_COMPARE(Op::kGreaterEqual);
        break;
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
          // Mostly the item goes to a local variable at once.
          const bool stored = static_cast<Op>(*pc & 0xFF) == Op::kStoreLocal;
          Value* item = stored ? base + (*pc >> 8) : new (top) Value();
          if (iteration.source_.kind() == Kind::kRange ? iteration.step_range(*item)
                                                       : iteration.step(*item)) {
            if (stored) {
              ++pc;
            } else {
              ++top;
            }
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
        const bool full = list.raw().size() == list.raw().capacity();
        list.raw().push_back(std::move(top[-1]));
        if (full) list.recharge();
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
        if (container.is_dict()) {
          if (const auto key_hash = quick_hash(top[-1])) {
            const auto* found =
                std::as_const(container.as<Dict>()).table().find(top[-1], *key_hash);
            if (found != nullptr) {
              Value value = found->value;
              pop(top);
              top[-1] = std::move(value);
              break;
            }
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
      case Op::kMethod: {
        const Code::CachedMethod& cached = code->methods[arg];
        if (cached.kind == top[-1].kind()) {
          new (top) Value(std::move(top[-1]));
          new (top - 1) Value(cached.method);
          ++top;
          break;
        }
        VM_MOVE(load_method(*code, arg));
      } break;

      case Op::kCall: {
        Value* callee = top - arg - 1;
        if (callee->kind() == Kind::kFunction) {
          // The usual call, by position with enough parameters given, needs no look at anything
          // else.
          const auto& called = callee->as<FunctionObject>();
          if (can_enter(*called.code_, arg, callee + 1)) [[likely]] {
            if (!within_limits()) [[unlikely]]
              VM_TRY(check_limits());
            state_.frames.back().pc = pc;
            function = &called;
            code = called.code_;
            base = callee + 1;
            if (arg < code->param_count) {
              const Value* given_default = function->defaults_.data() + code->default_count;
              given_default -= code->param_count - arg;
              for (uint32_t i = arg; i < code->param_count; ++i)
                new (top++) Value(*given_default++);
            }
            const Value* locals_end = base + code->local_count;
            while (top < locals_end) new (top++) Value();
            ++code->active;
            pc = code->instructions.data();
            state_.frames.push_back({function, code, pc, callee, base, state_.iterators.size()});
            constants = code->constants.data();
            globals = function->module_->globals_.data();
            break;
          }
        }
        if (quick_call(*callee, kNoReceiver, {callee + 1, arg}, top[0])) {
          finish_quick(top, callee);
          break;
        }
        VM_ENTER(callee, callee, &kNoReceiver, callee + 1, arg, 0);
        break;
      }
      case Op::kCallMethod: {
        Value* callee = top - arg - 2;
        if (quick_call(*callee, callee[1], {callee + 2, arg}, top[0])) {
          finish_quick(top, callee);
          break;
        }
        VM_ENTER(callee, callee, callee + 1, callee + 2, arg, 0);
        break;
      }
      case Op::kCallFull: {
        const uint32_t flags = *pc++;
        size_t positional = arg;
        size_t keywords = flags >> 2;
        Value* callee = top - positional - 2 * keywords - (flags & 1) - (flags >> 1 & 1) - 1;
        if ((flags & 3) != 0) VM_MOVE(spread_arguments(flags, positional, keywords));
        VM_ENTER(callee, callee, &kNoReceiver, callee + 1, positional, keywords);
        break;
      }
      case Op::kFunction:
        VM_MOVE(make_function(*code->nested[arg], *function));
        break;
      case Op::kUnpack: {
        if (top[-1].is_tuple() && top[-1].as<Tuple>().size() == arg) {
          const Value tuple = std::move(*--top);
          for (uint32_t i = arg; i-- > 0;) new (top++) Value(tuple.as<Tuple>()[i]);
          break;
        }
        VM_MOVE(unpack(arg));
        break;
      }
      case Op::kLoadModule:
        VM_MOVE(load_module(constants[arg], *code->program));
        break;
      case Op::kLoadName:
        VM_MOVE(load_name(constants[arg]));
        break;
      case Op::kReturn: {
        const Frame& frame = state_.frames.back();
        if (state_.iterators.size() > frame.iterators) [[unlikely]]
          drop_iterators(frame.iterators);
        Value* slot = frame.result;
        Value result = std::move(*--top);
        while (top > slot) (--top)->~Value();
        --code->active;
        state_.frames.pop_back();
        new (top++) Value(std::move(result));
        state_.top = top;
        if (state_.frames.size() == floor) return true;
        VM_FRAME();
        break;
      }
      default:
        __builtin_unreachable();
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
#undef VM_MOVE
#undef VM_OPERANDS
#undef VM_PUSH_OPERAND
#undef VM_COMPARE
#undef VM_INLINE

}  // namespace mishap::starlark
