// Part of vm.cpp: operators on numbers that fit their values. Each is false, having done nothing,
// where there is more to it. The result may be one of the operands.

VM_INLINE bool both_int(const Value* left, const Value* right) {
  return left->is_int64() && right->is_int64();
}
VM_INLINE bool both_float(const Value* left, const Value* right) {
  return left->is_float() && right->is_float();
}

// `of_ints` says whether it overflowed.
template <class OfInts, class OfFloats>
VM_INLINE bool quick_arithmetic(const Value* left, const Value* right, Value* result,
                                OfInts of_ints, OfFloats of_floats) {
  int64_t number = 0;
  if (both_int(left, right) && !of_ints(left->as_int64(), right->as_int64(), &number)) {
    new (result) Value(Value::integer(number));
    return true;
  }
  if (!both_float(left, right)) return false;
  new (result) Value(Value::real(of_floats(left->as_double(), right->as_double())));
  return true;
}

VM_INLINE bool quick_add(const Value* left, const Value* right, Value* result) {
  return quick_arithmetic(
      left, right, result,
      [](int64_t a, int64_t b, int64_t* sum) { return __builtin_add_overflow(a, b, sum); },
      [](double a, double b) { return a + b; });
}

VM_INLINE bool quick_subtract(const Value* left, const Value* right, Value* result) {
  return quick_arithmetic(
      left, right, result,
      [](int64_t a, int64_t b, int64_t* rest) { return __builtin_sub_overflow(a, b, rest); },
      [](double a, double b) { return a - b; });
}

VM_INLINE bool quick_multiply(const Value* left, const Value* right, Value* result) {
  return quick_arithmetic(
      left, right, result,
      [](int64_t a, int64_t b, int64_t* product) { return __builtin_mul_overflow(a, b, product); },
      [](double a, double b) { return a * b; });
}

VM_INLINE bool quick_divide(const Value* left, const Value* right, Value* result) {
  if (!both_float(left, right) || right->as_double() == 0) return false;
  new (result) Value(Value::real(left->as_double() / right->as_double()));
  return true;
}

// Of numbers that are not negative. Division of 32 bits takes a fraction of the time of 64.
template <class Divide>
VM_INLINE bool quick_division(const Value* left, const Value* right, Value* result, Divide divide) {
  if (!both_int(left, right)) return false;
  const int64_t a = left->as_int64();
  const int64_t b = right->as_int64();
  if (a < 0 || b <= 0) return false;
  const bool are_short = ((a | b) >> 32) == 0;
  const int64_t number =
      are_short ? divide(static_cast<uint32_t>(a), static_cast<uint32_t>(b)) : divide(a, b);
  new (result) Value(Value::integer(number));
  return true;
}

VM_INLINE bool quick_modulo(const Value* left, const Value* right, Value* result) {
  return quick_division(left, right, result, [](auto a, auto b) -> int64_t { return a % b; });
}

VM_INLINE bool quick_floor_divide(const Value* left, const Value* right, Value* result) {
  return quick_division(left, right, result, [](auto a, auto b) -> int64_t { return a / b; });
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
