// Part of Vm::run: operators.
//
// Each is there three times, for where its operands are (opcode.h): on the stack, the right one
// elsewhere, both elsewhere. Numbers need no destructor: those on the stack are written over.

#define VM_ELSEWHERE(operand) \
  (((operand) & 1) != 0 ? constants + ((operand) >> 1) : base + ((operand) >> 1) - 1)

// The operands, and where the result goes.
#define VM_OPERANDS_()          \
  Value* const left = top - 2;  \
  Value* const right = top - 1; \
  Value* const result = left
#define VM_OPERANDS_Right()                     \
  Value* const left = top - 1;                  \
  const Value* const right = VM_ELSEWHERE(arg); \
  Value* const result = left
#define VM_OPERANDS_Both()                                   \
  const Value* const left = base + (arg >> kRightBits);      \
  const Value* const right = VM_ELSEWHERE(arg & kRightMask); \
  Value* const result = top

// The top without the operands, which are numbers.
#define VM_WITHOUT_() (top - 2)
#define VM_WITHOUT_Right() (top - 1)
#define VM_WITHOUT_Both() (top)

// Slow arms want both on the stack.
#define VM_PUSH_()
#define VM_PUSH_Right()                                            \
  do {                                                             \
    if (!right->is_valid()) [[unlikely]]                           \
      VM_TRY(unbound("local", code->local_names[(arg >> 1) - 1])); \
    new (top++) Value(*right);                                     \
  } while (false)
#define VM_PUSH_Both()                                                            \
  do {                                                                            \
    if (!left->is_valid()) [[unlikely]]                                           \
      VM_TRY(unbound_left(code->local_names[arg >> kRightBits]));                 \
    if (!right->is_valid()) [[unlikely]]                                          \
      VM_TRY(unbound("local", code->local_names[((arg & kRightMask) >> 1) - 1])); \
    new (top++) Value(*left);                                                     \
    new (top++) Value(*right);                                                    \
  } while (false)

#define VM_OPERATOR(NAME, ENDING, QUICK, SLOW)   \
  VM_CASE(NAME##ENDING) {                        \
    VM_OPERANDS_##ENDING();                      \
    if (QUICK(left, right, result)) [[likely]] { \
      top = VM_WITHOUT_##ENDING() + 1;           \
      VM_NEXT();                                 \
    }                                            \
    VM_PUSH_##ENDING();                          \
    VM_TRY(SLOW);                                \
    --top;                                       \
  }                                              \
  VM_NEXT();

#define VM_OPERATORS(NAME, QUICK, SLOW) \
  VM_OPERATOR(NAME, , QUICK, SLOW)      \
  VM_OPERATOR(NAME, Right, QUICK, SLOW) \
  VM_OPERATOR(NAME, Both, QUICK, SLOW)

VM_OPERATORS(kAdd, quick_add, add_slow(top, stored_variable(pc, base, globals)))
VM_OPERATORS(kSubtract, quick_subtract, binary_slow(BinaryOperator::kSubtract, top))
VM_OPERATORS(kMultiply, quick_multiply, binary_slow(BinaryOperator::kMultiply, top))
VM_OPERATORS(kDivide, quick_divide, binary_slow(BinaryOperator::kDivide, top))
VM_OPERATORS(kFloorDivide, quick_floor_divide, binary_slow(BinaryOperator::kFloorDivide, top))
VM_OPERATORS(kModulo, quick_modulo, modulo_slow(top))

VM_OPERATORS(kInplaceSubtract, quick_subtract, inplace_set(BinaryOperator::kSubtract, top))

// x += y mostly goes back to a local variable that held a number before.
#define VM_INPLACE_ADD(ENDING)                                                      \
  VM_CASE(kInplaceAdd##ENDING) {                                                    \
    VM_OPERANDS_##ENDING();                                                         \
    if (quick_add(left, right, result)) [[likely]] {                                \
      top = VM_WITHOUT_##ENDING();                                                  \
      Value* const variable = base + (*pc >> 8);                                    \
      if (opcode_of(*pc) == Op::kStoreLocal && !variable->is_object()) [[likely]] { \
        ++pc;                                                                       \
        new (variable) Value(std::move(*result));                                   \
      } else {                                                                      \
        ++top;                                                                      \
      }                                                                             \
      VM_NEXT();                                                                    \
    }                                                                               \
    VM_PUSH_##ENDING();                                                             \
    VM_TRY(inplace_add(top, stored_variable(pc, base, globals)));                   \
    --top;                                                                          \
  }                                                                                 \
  VM_NEXT();

VM_INPLACE_ADD()
VM_INPLACE_ADD(Right)
VM_INPLACE_ADD(Both)

VM_CASE(kAddToLocal) {
  Value* const variable = base + arg;
  if (quick_add(variable, top - 1, variable)) [[likely]] {
    --top;
    VM_NEXT();
  }
  VM_TRY(add_to_variable(top, variable));
  pop(top);
}
VM_NEXT();

// A comparison mostly decides a jump; then its result need not become a value.
#define VM_COMPARE(NAME, ENDING)                                    \
  VM_CASE(NAME##ENDING) {                                           \
    VM_OPERANDS_##ENDING();                                         \
    bool is_so = false;                                             \
    if (both_int(left, right)) [[likely]] {                         \
      is_so = holds(Op::NAME, left->as_int64(), right->as_int64()); \
      top = VM_WITHOUT_##ENDING();                                  \
    } else {                                                        \
      VM_PUSH_##ENDING();                                           \
      VM_SYNC();                                                    \
      const Compared compared = compare_slow(Op::NAME, top);        \
      if (compared == Compared::kFailed) goto on_error;             \
      is_so = compared == Compared::kTrue;                          \
      pop(top);                                                     \
      pop(top);                                                     \
    }                                                               \
    static_cast<void>(result);                                      \
    if (opcode_of(*pc) == Op::kJumpIfFalse) [[likely]] {            \
      pc = is_so ? pc + 1 : VM_TARGET(*pc >> 8);                    \
    } else {                                                        \
      new (top++) Value(Value::boolean(is_so));                     \
    }                                                               \
  }                                                                 \
  VM_NEXT();

#define VM_COMPARISONS(NAME) \
  VM_COMPARE(NAME, )         \
  VM_COMPARE(NAME, Right)    \
  VM_COMPARE(NAME, Both)

VM_COMPARISONS(kEqual)
VM_COMPARISONS(kNotEqual)
VM_COMPARISONS(kLess)
VM_COMPARISONS(kLessEqual)
VM_COMPARISONS(kGreater)
VM_COMPARISONS(kGreaterEqual)

#define VM_BINARY(NAME)                           \
  VM_CASE(NAME)                                   \
  VM_TRY(binary_slow(BinaryOperator::NAME, top)); \
  --top;                                          \
  VM_NEXT();

VM_BINARY(kBitAnd)
VM_BINARY(kBitOr)
VM_BINARY(kBitXor)
VM_BINARY(kShiftLeft)
VM_BINARY(kShiftRight)

VM_CASE(kInplaceOr)
VM_TRY(inplace_or(top));
--top;
VM_NEXT();

VM_CASE(kInplaceAnd)
VM_TRY(inplace_set(BinaryOperator::kBitAnd, top));
--top;
VM_NEXT();

VM_CASE(kInplaceXor)
VM_TRY(inplace_set(BinaryOperator::kBitXor, top));
--top;
VM_NEXT();

VM_CASE(kUnary) {
  VM_SYNC();
  auto result = unary(thread_, static_cast<UnaryOperator>(arg), top[-1]);
  if (!result) {
    raise(std::move(result).error());
    goto on_error;
  }
  top[-1] = std::move(*result);
}
VM_NEXT();

VM_CASE(kNot)
set_bool(top[-1], !truth(top[-1]));
VM_NEXT();

VM_CASE(kIn)
VM_TRY(is_in(top, true));
pop(top);
VM_NEXT();

VM_CASE(kNotIn)
VM_TRY(is_in(top, false));
pop(top);
VM_NEXT();
