// Conversions to and from numbers.
#include <cmath>

#include <fmt/format.h>

#include "float_text.h"
#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

Result<Value> abs_function(CallContext& call) {
  const Value& x = call[0];
  if (!x.is_int() && !x.is_float())
    return call.error(fmt::format("got {}, want int or float", type_name(x)));
  if (x.is_float()) return Value::real(std::fabs(x.as_double()));
  if (x.is_int64() && x.as_int64() >= 0) return x;
  if (x.kind() == Kind::kBigInt && to_big(x).sign() > 0) return x;
  return unary(call.thread(), UnaryOperator::kMinus, x);
}

Result<Value> chr(CallContext& call) {
  const Value& x = call[0];
  if (!x.is_int()) return call.error(fmt::format("got {}, want int", type_name(x)));
  const bool small = x.is_int64();
  if (small ? x.as_int64() < 0 : to_big(x).sign() < 0) {
    return call.error(fmt::format("Unicode code point {} out of range (<0)", repr(x)));
  }
  if (!small || x.as_int64() > INT32_MAX)
    return call.error(fmt::format("{} out of range", repr(x)));
  if (x.as_int64() > kMaxRune) {
    const std::string hex = to_big(x).to_string(16);
    return call.error(fmt::format("Unicode code point U+{} out of range (>0x10FFFF)", hex));
  }
  return call.heap().string(rune_text(static_cast<char32_t>(x.as_int64())));
}

Result<Value> ord(CallContext& call) {
  if (call[0].is_string()) {
    const size_t count = count_runes(call.text(0));
    if (count != 1) {
      return call.error(fmt::format("string encodes {} Unicode code points, want 1", count));
    }
    return Value::integer(decode_rune(call.text(0)).value);
  }
  if (call[0].is_bytes()) {
    if (call.text(0).size() != 1) {
      return call.error(fmt::format("bytes has length {}, want 1", call.text(0).size()));
    }
    return Value::integer(static_cast<unsigned char>(call.text(0)[0]));
  }
  return call.error(fmt::format("got {}, want string or bytes", type_name(call[0])));
}

bool all_digits(std::string_view text) {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view without_sign(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return text;
}

// Whether text is a number, of whatever size: digits with a point among them at most, and then an
// exponent at most.
bool reads_as_number(std::string_view text) {
  const size_t mark = std::min(text.find_first_of("eE"), text.size());
  const std::string_view digits = without_sign(text.substr(0, mark));
  const size_t point = std::min(digits.find('.'), digits.size());
  const std::string_view fraction = digits.substr(std::min(point + 1, digits.size()));
  if (point + fraction.size() == 0 || !all_digits(digits.substr(0, point)) || !all_digits(fraction))
    return false;
  if (mark == text.size()) return true;
  const std::string_view exponent = without_sign(text.substr(mark + 1));
  return !exponent.empty() && all_digits(exponent);
}

Result<Value> float_of_text(CallContext& call, std::string_view text) {
  if (text.empty()) return call.error("empty string");
  if (const auto value = parse_float(text)) return Value::real(*value);
  if (reads_as_number(text)) return call.error("floating-point number too large");
  return call.error(fmt::format("invalid float literal: {}", text));
}

Result<Value> float_function(CallContext& call) {
  const auto args = call.varargs();
  if (args.empty()) return Value::real(0);
  if (args.size() > 1) return fail(fmt::format("float got {} arguments, wants 1", args.size()));
  const Value& x = args[0];
  if (x.is_float()) return x;
  if (x.is_bool()) return Value::real(x.as_bool() ? 1 : 0);
  if (x.is_string()) return float_of_text(call, x.text());
  if (!x.is_int()) {
    return fail(fmt::format("float got {}, want number or string", type_name(x)));
  }
  MISHAP_ASSIGN(const double value, to_double(x));
  return Value::real(value);
}

int prefix_base(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 0;
  switch (digits[1]) {
    case 'x':
    case 'X':
      return 16;
    case 'o':
    case 'O':
      return 8;
    case 'b':
    case 'B':
      return 2;
    default:
      return 0;
  }
}

// Text as int(text, base) reads it: a sign, then a prefix if the base is that of the prefix or 0,
// then digits.
std::optional<BigInt> parse_int(std::string_view text, int base) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const int prefixed = prefix_base(text);
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    text.remove_prefix(2);
    base = prefixed;
  } else if (base == 0) {
    // As in source: a leading zero is no decimal number, unless it is zero.
    const bool leading_zero = text.size() > 1 && text[0] == '0';
    if (leading_zero && text.find_first_not_of('0') != std::string_view::npos) return std::nullopt;
    base = 10;
  }
  if (text.empty() || text[0] == '+' || text[0] == '-') return std::nullopt;
  auto number = BigInt::parse(text, base);
  if (number && negative) number = -*number;
  return number;
}

Result<Value> int_of_text(CallContext& call, std::string_view text) {
  int64_t base = 10;
  if (call.has(1)) {
    if (!call[1].is_int()) {
      return call.error(fmt::format("for base, got {}, want int", type_name(call[1])));
    }
    base = call.integer(1);
    if (base != 0 && (base < 2 || base > 36)) {
      return call.error("base must be an integer >= 2 && <= 36");
    }
  }
  if (auto may = may_read_integer(text.size(), base == 0 ? 16 : static_cast<int>(base)); !may)
    return named(call, may.error());
  auto number = parse_int(text, static_cast<int>(base));
  if (!number) return call.error(fmt::format("invalid literal with base {}: {}", base, text));
  return call.heap().integer(std::move(*number));
}

Result<Value> int_function(CallContext& call) {
  const Value& x = call[0];
  if (x.is_string()) return int_of_text(call, x.text());
  if (call.has(1)) return call.error("can't convert non-string with explicit base");
  if (x.is_int()) return x;
  if (x.is_bool()) return Value::integer(x.as_bool() ? 1 : 0);
  if (!x.is_float()) return call.error(fmt::format("cannot convert {} to int", type_name(x)));
  auto number = truncated_number(call.heap(), x.as_double());
  if (!number) return named(call, number.error());
  return number;
}

}  // namespace

Result<Value> truncated_number(Heap& heap, double value) {
  if (std::isnan(value)) return fail("cannot convert float NaN to integer");
  if (std::isinf(value)) return fail("cannot convert float infinity to integer");
  return heap.integer(BigInt::from_double(value));
}

void install_universe_numbers(Library& library) {
  library.function(Signature("abs").required("x").numbered(), abs_function);
  library.function(Signature("chr").required("i").plain(), chr);
  library.function(Signature("ord").required("x").plain(), ord);
  library.function(Signature("float").plain().varargs(), float_function);
  library.function(Signature("int").required("x").optional("base"), int_function);
}

}  // namespace mishap::starlark
