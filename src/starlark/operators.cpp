// Binary and unary operators, and conversions between numbers.
#include <cmath>

#include <fmt/format.h>

#include "mishap/starlark/library.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

#include "bounds.h"
#include "format.h"

namespace mishap::starlark {
namespace {

bool is_number(const Value& value) { return value.is_int() || value.is_float(); }

// An invalid value from here on means "no such operation".
const Value kUnsupported;

/// Has the sign of `b`.
int64_t floor_mod(int64_t a, int64_t b) {
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Result<Value> small_int_binary(Heap& heap, BinaryOperator op, int64_t a, int64_t b);

// Whether numbers are long enough for arithmetic on them to be counted.
bool are_long(const BigInt& a, const BigInt& b) {
  constexpr size_t kShort = 2048;
  return a.byte_size() + b.byte_size() > kShort;
}

// Before arithmetic on long numbers: what it costs, and whether its result can be too large.
Result<void> count_long(BinaryOperator op, const BigInt& a, const BigInt& b) {
  const size_t sum = a.bit_length() + b.bit_length();
  const size_t longer = std::max(a.bit_length(), b.bit_length());
  switch (op) {
    case BinaryOperator::kMultiply:
      MISHAP_TRY(check_integer_size(sum));
      return count_work(number_work(sum));
    case BinaryOperator::kFloorDivide:
    case BinaryOperator::kModulo:
      return count_work(number_work(sum));
    default:
      MISHAP_TRY(
          check_integer_size(op == BinaryOperator::kShiftLeft ? longer + kMaxShift : longer));
      return count_work(sum / kBitsInAnItem);
  }
}

Result<Value> int_binary(Heap& heap, BinaryOperator op, const Value& x, const Value& y) {
  if (x.is_int64() && y.is_int64()) return small_int_binary(heap, op, x.as_int64(), y.as_int64());
  // At most one of them is small.
  const BigInt small(x.is_int64() ? x.as_int64() : y.is_int64() ? y.as_int64() : 0);
  const BigInt& a = x.is_int64() ? small : x.as<BigIntObject>().number;
  const BigInt& b = y.is_int64() ? small : y.as<BigIntObject>().number;
  if (are_long(a, b)) MISHAP_TRY(count_long(op, a, b));
  switch (op) {
    case BinaryOperator::kAdd:
      return heap.integer_made([&] { return a + b; });
    case BinaryOperator::kSubtract:
      return heap.integer_made([&] { return a - b; });
    case BinaryOperator::kMultiply:
      if (!heap.can_allocate(a.byte_size() + b.byte_size())) return fail("memory limit exceeded");
      return heap.integer_made([&] { return a * b; });
    case BinaryOperator::kFloorDivide:
      if (b.is_zero()) return fail("floored division by zero");
      return heap.integer_made([&] { return BigInt::floor_div(a, b); });
    case BinaryOperator::kModulo:
      if (b.is_zero()) return fail("integer modulo by zero");
      return heap.integer_made([&] { return BigInt::floor_mod(a, b); });
    case BinaryOperator::kBitAnd:
      return heap.integer(a & b);
    case BinaryOperator::kBitOr:
      return heap.integer(a | b);
    case BinaryOperator::kBitXor:
      return heap.integer(a ^ b);
    case BinaryOperator::kShiftLeft:
    case BinaryOperator::kShiftRight: {
      if (b.sign() < 0) return fail(fmt::format("negative shift count: {}", repr(y)));
      if (op == BinaryOperator::kShiftRight) {
        if (!y.is_int64()) return Value::integer(a.sign() < 0 ? -1 : 0);
        return heap.integer(a >> static_cast<size_t>(y.as_int64()));
      }
      if (!y.is_int64() || y.as_int64() >= kMaxShift) {
        return fail(fmt::format("shift count too large: {}", repr(y)));
      }
      return heap.integer(a << static_cast<size_t>(y.as_int64()));
    }
    case BinaryOperator::kDivide:
      break;
  }
  return kUnsupported;
}

int64_t floor_div(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

Result<Value> small_int_binary(Heap& heap, BinaryOperator op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case BinaryOperator::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return heap.integer(BigInt(a) + BigInt(b));
      return Value::integer(result);
    case BinaryOperator::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return heap.integer(BigInt(a) - BigInt(b));
      return Value::integer(result);
    case BinaryOperator::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return heap.integer(BigInt(a) * BigInt(b));
      return Value::integer(result);
    case BinaryOperator::kFloorDivide:
      if (b == 0) return fail("floored division by zero");
      if (b == -1) return small_int_binary(heap, BinaryOperator::kSubtract, 0, a);
      return Value::integer(floor_div(a, b));
    case BinaryOperator::kModulo:
      if (b == 0) return fail("integer modulo by zero");
      if (b == -1) return Value::integer(0);
      return Value::integer(floor_mod(a, b));
    case BinaryOperator::kBitAnd:
      return Value::integer(a & b);
    case BinaryOperator::kBitOr:
      return Value::integer(a | b);
    case BinaryOperator::kBitXor:
      return Value::integer(a ^ b);
    case BinaryOperator::kShiftLeft:
      if (b < 0) return fail(fmt::format("negative shift count: {}", b));
      if (b >= kMaxShift) return fail(fmt::format("shift count too large: {}", b));
      if (b < 63 && __builtin_mul_overflow(a, int64_t{1} << b, &result) == 0)
        return Value::integer(result);
      return heap.integer(BigInt(a) << static_cast<size_t>(b));
    case BinaryOperator::kShiftRight:
      if (b < 0) return fail(fmt::format("negative shift count: {}", b));
      return Value::integer(a >> std::min<int64_t>(b, 63));
    case BinaryOperator::kDivide:
      break;
  }
  return kUnsupported;
}

Result<Value> float_binary(BinaryOperator op, const Value& x, const Value& y) {
  MISHAP_ASSIGN(const double a, to_double(x));
  MISHAP_ASSIGN(const double b, to_double(y));
  switch (op) {
    case BinaryOperator::kAdd:
      return Value::real(a + b);
    case BinaryOperator::kSubtract:
      return Value::real(a - b);
    case BinaryOperator::kMultiply:
      return Value::real(a * b);
    case BinaryOperator::kDivide:
      if (b == 0) return fail("floating-point division by zero");
      return Value::real(a / b);
    case BinaryOperator::kFloorDivide:
      if (b == 0) return fail("floored division by zero");
      return Value::real(std::floor(a / b));
    case BinaryOperator::kModulo: {
      if (b == 0) return fail("floating-point modulo by zero");
      double rest = std::fmod(a, b);
      if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
      return Value::real(rest);
    }
    default:
      return kUnsupported;
  }
}

// text * n, list * n, tuple * n. Bounded in elements, and by the memory limit.
Result<int64_t> repeat_count(Heap& heap, size_t size, size_t element_bytes, const Value& count) {
  const bool positive = count.is_int64() ? count.as_int64() > 0 : to_big(count).sign() > 0;
  if (size == 0 || !positive) return 0;
  if (!count.is_int64() || count.as_int64() > INT32_MAX)
    return fail(fmt::format("repeat count {} too large", repr(count)));
  const int64_t n = count.as_int64();
  int64_t total = 0;
  if (__builtin_mul_overflow(static_cast<int64_t>(size), n, &total) || total >= kMaxRepeat ||
      !heap.can_allocate(static_cast<uint64_t>(total) * element_bytes)) {
    return fail(fmt::format("excessive repeat ({} * {} elements)", size, n));
  }
  return n;
}

Result<Value> repeat(Heap& heap, const Value& sequence, const Value& count) {
  if (sequence.is_string() || sequence.is_bytes()) {
    const std::string_view text = sequence.text();
    MISHAP_ASSIGN(const int64_t n, repeat_count(heap, text.size(), 1, count));
    String* result = heap.new_string(text.size() * static_cast<size_t>(n), sequence.kind());
    char* out = result->mutable_data();
    for (int64_t i = 0; i < n; ++i, out += text.size()) std::memcpy(out, text.data(), text.size());
    return Value(result);
  }
  const auto items =
      sequence.is_list() ? sequence.as<List>().items() : sequence.as<Tuple>().items();
  MISHAP_ASSIGN(const int64_t n, repeat_count(heap, items.size(), sizeof(Value), count));
  std::vector<Value> repeated;
  repeated.reserve(items.size() * static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) repeated.insert(repeated.end(), items.begin(), items.end());
  return sequence.is_list() ? heap.list(std::move(repeated)) : heap.tuple(repeated);
}

bool is_sequence(const Value& value) {
  return value.is_string() || value.is_bytes() || value.is_list() || value.is_tuple();
}

Result<Value> concat(Heap& heap, const Value& a, const Value& b) {
  if (a.is_string() || a.is_bytes()) {
    if (!heap.can_allocate(a.text().size() + b.text().size())) return fail("memory limit exceeded");
    return heap.concat(a, b.text());
  }
  const auto first = a.is_list() ? a.as<List>().items() : a.as<Tuple>().items();
  const auto second = b.is_list() ? b.as<List>().items() : b.as<Tuple>().items();
  if (!heap.can_allocate((first.size() + second.size()) * sizeof(Value)))
    return fail("memory limit exceeded");
  if (a.is_tuple()) {
    Tuple* result = heap.new_tuple(first.size() + second.size());
    auto out = std::copy(first.begin(), first.end(), result->mutable_items().begin());
    std::copy(second.begin(), second.end(), out);
    return Value(result);
  }
  std::vector<Value> items;
  items.reserve(first.size() + second.size());
  items.insert(items.end(), first.begin(), first.end());
  items.insert(items.end(), second.begin(), second.end());
  return heap.list(std::move(items));
}

Result<Value> dict_union(Heap& heap, const Dict& a, const Dict& b) {
  Value result = heap.dict();
  MISHAP_TRY(result.as<Dict>().update(a));
  MISHAP_TRY(result.as<Dict>().update(b));
  return result;
}

Result<Value> set_binary(Heap& heap, BinaryOperator op, const Set& a, const Set& b) {
  Value result = heap.set();
  const auto take = [&](const Set& from, const Set& other, bool when_in_other) -> Result<void> {
    for (const Table::Entry& entry : from.table().entries()) {
      if (!entry.key.is_valid()) continue;
      if ((other.table().find(entry.key, entry.hash) != nullptr) != when_in_other) continue;
      MISHAP_TRY(result.as<Set>().add(entry.key));
    }
    return {};
  };
  switch (op) {
    case BinaryOperator::kBitOr:
      MISHAP_TRY(take(a, result.as<Set>(), false));
      MISHAP_TRY(take(b, a, false));
      return result;
    case BinaryOperator::kBitAnd:
      MISHAP_TRY(take(a, b, true));
      return result;
    case BinaryOperator::kSubtract:
      MISHAP_TRY(take(a, b, false));
      return result;
    case BinaryOperator::kBitXor:
      MISHAP_TRY(take(a, b, false));
      MISHAP_TRY(take(b, a, false));
      return result;
    default:
      return kUnsupported;
  }
}

Result<Value> host_binary(Thread& thread, BinaryOperator op, const Value& a, const Value& b) {
  if (a.is_host()) {
    MISHAP_ASSIGN(Value result, a.as<HostObject>().binary(thread, op, b, false));
    if (result.is_valid()) return result;
  }
  if (b.is_host()) return b.as<HostObject>().binary(thread, op, a, true);
  return kUnsupported;
}

Result<Value> try_binary(Thread& thread, BinaryOperator op, const Value& a, const Value& b) {
  Heap& heap = thread.heap();
  if (is_number(a) && is_number(b)) {
    if (a.is_int() && b.is_int() && op != BinaryOperator::kDivide)
      return int_binary(heap, op, a, b);
    return float_binary(op, a, b);
  }
  if (op == BinaryOperator::kModulo && a.is_string()) return format_percent(thread, a.text(), b);
  if (a.is_host() || b.is_host()) return host_binary(thread, op, a, b);
  if (op == BinaryOperator::kAdd && is_sequence(a) && a.kind() == b.kind())
    return concat(heap, a, b);
  if (op == BinaryOperator::kMultiply && is_sequence(a) && b.is_int()) return repeat(heap, a, b);
  if (op == BinaryOperator::kMultiply && a.is_int() && is_sequence(b)) return repeat(heap, b, a);
  if (op == BinaryOperator::kBitOr && a.is_dict() && b.is_dict()) {
    return dict_union(heap, a.as<Dict>(), b.as<Dict>());
  }
  if (a.is_set() && b.is_set()) return set_binary(heap, op, a.as<Set>(), b.as<Set>());
  return kUnsupported;
}

}  // namespace

std::string_view spelling(BinaryOperator op) {
  constexpr std::string_view kSpellings[] = {"+", "-", "*", "/",  "//", "%",
                                             "&", "|", "^", "<<", ">>"};
  return kSpellings[static_cast<size_t>(op)];
}

Result<Value> binary(Thread& thread, BinaryOperator op, const Value& a, const Value& b) {
  MISHAP_ASSIGN(Value result, try_binary(thread, op, a, b));
  if (result.is_valid()) return result;
  std::string remedy;
  const bool text_and_other = a.is_string() != b.is_string() && !a.is_bytes() && !b.is_bytes();
  const bool shift = op == BinaryOperator::kShiftLeft || op == BinaryOperator::kShiftRight;
  if (op == BinaryOperator::kAdd && text_and_other) remedy = " (str(x) is the text of a value)";
  if (shift && a.is_int()) remedy = fmt::format(" (got {}, want int)", type_name(b));
  return fail(fmt::format("unknown binary op: {} {} {}{}", type_name(a), spelling(op), type_name(b),
                          remedy));
}

Result<Value> unary(Thread& thread, UnaryOperator op, const Value& value) {
  if (value.is_int()) {
    switch (op) {
      case UnaryOperator::kMinus:
        if (value.is_int64() && value.as_int64() != INT64_MIN)
          return Value::integer(-value.as_int64());
        return thread.heap().integer(-to_big(value));
      case UnaryOperator::kPlus:
        return value;
      case UnaryOperator::kInvert:
        if (value.is_int64()) return Value::integer(~value.as_int64());
        return thread.heap().integer(~to_big(value));
    }
  }
  if (value.is_float() && op == UnaryOperator::kMinus) return Value::real(-value.as_double());
  if (value.is_float() && op == UnaryOperator::kPlus) return value;
  if (value.is_host()) {
    MISHAP_ASSIGN(Value result, value.as<HostObject>().unary(thread, op));
    if (result.is_valid()) return result;
  }
  const char spelled = op == UnaryOperator::kMinus ? '-' : op == UnaryOperator::kPlus ? '+' : '~';
  return fail(fmt::format("unknown unary op: {} {}", spelled, type_name(value)));
}

Result<int64_t> to_int64(const Value& value) {
  if (value.is_int64()) return value.as_int64();
  if (value.is_int())
    return fail(fmt::format("{} out of range (want value in signed 64-bit range)", repr(value)));
  return fail(fmt::format("got {}, want int", type_name(value)));
}

BigInt to_big(const Value& integer) {
  return integer.is_int64() ? BigInt(integer.as_int64()) : integer.as<BigIntObject>().number;
}

Result<double> to_double(const Value& number) {
  if (number.is_float()) return number.as_double();
  if (number.is_int64()) return static_cast<double>(number.as_int64());
  if (!number.is_int()) return fail(fmt::format("got {}, want float", type_name(number)));
  const double result = number.as<BigIntObject>().number.to_double();
  if (std::isinf(result)) return fail("int too large to convert to float");
  return result;
}

}  // namespace mishap::starlark
