#include "mishap/starlark/bigint.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "mishap/base/check.h"

#include "bigint_digits.h"
#include "bigint_long.h"

namespace mishap::starlark {
namespace {

// libtommath fails only for want of memory (or on arguments we never pass); there is no going on
// from that.
void check(mp_err error) {
  MISHAP_CHECK(error == MP_OKAY, "big integer arithmetic: {}", mp_error_to_string(error));
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 36;
}

// The largest power of `base` that fits one digit of libtommath, so that text is converted many
// characters at a time: the library's own conversion divides the whole number once per character.
struct Chunk {
  mp_digit power = 1;
  int characters = 0;
};

Chunk chunk_of(int base) {
  Chunk chunk;
  const auto wide = static_cast<mp_digit>(base);
  while (chunk.power <= MP_MASK / wide) {
    chunk.power *= wide;
    ++chunk.characters;
  }
  return chunk;
}

}  // namespace

BigInt::BigInt(int64_t value) : BigInt(Empty::kTag) {
  const auto bits = static_cast<uint64_t>(value);
  set_magnitude(value < 0 ? ~bits + 1 : bits);
  if (value < 0) number_.sign = MP_NEG;
}

BigInt::BigInt(const BigInt& other) : BigInt(Empty::kTag) {
  make_room(other.digits().size());
  std::copy_n(other.number_.dp, other.number_.used, number_.dp);
  trim(other.digits().size(), other.number_.sign);
}

BigInt::BigInt(BigInt&& other) noexcept : BigInt(Empty::kTag) { take(other); }

BigInt& BigInt::operator=(const BigInt& other) {
  if (this != &other) *this = BigInt(other);
  return *this;
}

BigInt& BigInt::operator=(BigInt&& other) noexcept {
  if (this == &other) return *this;
  if (!is_inline()) mp_clear(&number_);
  take(other);
  return *this;
}

BigInt::~BigInt() {
  if (!is_inline()) mp_clear(&number_);
}

BigInt BigInt::for_library() {
  BigInt result(Empty::kTag);
  check(mp_init(&result.number_));
  return result;
}

void BigInt::make_room(size_t digits) {
  if (digits > static_cast<size_t>(number_.alloc)) {
    if (!is_inline()) mp_clear(&number_);
    check(mp_init_size(&number_, static_cast<int>(digits)));
  }
}

// What `this` holds is overwritten; `other` becomes zero.
void BigInt::take(BigInt& other) noexcept {
  number_ = other.number_;
  if (other.is_inline()) {
    number_.dp = inline_;
    // Backwards, one by one: a wide copy would wait for the digits just written to reach memory.
    for (int i = number_.used; i-- > 0;) inline_[i] = other.inline_[i];
  }
  other.number_ = mp_int{0, kInline, MP_ZPOS, other.inline_};
}

void BigInt::trim(size_t digits, mp_sign sign) {
  while (digits > 0 && number_.dp[digits - 1] == 0) --digits;
  number_.used = static_cast<int>(digits);
  number_.sign = digits == 0 ? MP_ZPOS : sign;
}

void BigInt::set_magnitude(uint64_t magnitude) {
  static_assert(kInline * MP_DIGIT_BIT >= 64);
  size_t used = 0;
  while (magnitude != 0) {
    number_.dp[used++] = static_cast<mp_digit>(magnitude & MP_MASK);
    magnitude = MP_DIGIT_BIT < 64 ? magnitude >> MP_DIGIT_BIT : 0;
  }
  trim(used, MP_ZPOS);
}

BigInt BigInt::from_u64(uint64_t value) {
  BigInt result(Empty::kTag);
  result.set_magnitude(value);
  return result;
}

std::optional<BigInt> BigInt::parse(std::string_view digits, int base) {
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  if (digits.empty()) return std::nullopt;
  if (digits.size() > kLongText) {
    auto number = parse_long(digits, base);
    return number && negative ? -*number : number;
  }
  const Chunk chunk = chunk_of(base);
  BigInt result = for_library();
  while (!digits.empty()) {
    const size_t taken = std::min(digits.size(), static_cast<size_t>(chunk.characters));
    mp_digit power = 1;
    mp_digit value = 0;
    for (char c : digits.substr(0, taken)) {
      const int digit = digit_value(c);
      if (digit >= base) return std::nullopt;
      power *= static_cast<mp_digit>(base);
      value = value * static_cast<mp_digit>(base) + static_cast<mp_digit>(digit);
    }
    check(mp_mul_d(&result.number_, power, &result.number_));
    check(mp_add_d(&result.number_, value, &result.number_));
    digits.remove_prefix(taken);
  }
  if (negative) check(mp_neg(&result.number_, &result.number_));
  return result;
}

int BigInt::sign() const {
  if (is_zero()) return 0;
  return number_.sign == MP_NEG ? -1 : 1;
}

size_t BigInt::bit_length() const { return static_cast<size_t>(mp_count_bits(&number_)); }

std::optional<int64_t> BigInt::short_to_int64() const {
  if (bit_length() > 64) return std::nullopt;
  const uint64_t magnitude = mp_get_mag_u64(&number_);
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (number_.sign == MP_NEG) {
    if (magnitude > kLimit) return std::nullopt;
    return static_cast<int64_t>(~magnitude + 1);
  }
  if (magnitude >= kLimit) return std::nullopt;
  return static_cast<int64_t>(magnitude);
}

std::optional<uint64_t> BigInt::to_uint64() const {
  if (number_.sign == MP_NEG || bit_length() > 64) return std::nullopt;
  return mp_get_mag_u64(&number_);
}

std::string BigInt::to_string(int base) const {
  if (is_zero()) return "0";
  if (bit_length() > kLongBits)
    return sign() < 0 ? "-" + to_string_long(-*this, base) : to_string_long(*this, base);
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  const Chunk chunk = chunk_of(base);
  std::string reversed;
  std::vector<mp_digit> rest(digits().begin(), digits().end());
  while (!rest.empty()) {
    mp_digit part = digits::divide_by_digit(rest, chunk.power);
    while (!rest.empty() && rest.back() == 0) rest.pop_back();
    for (int i = 0; i < chunk.characters && (part != 0 || !rest.empty()); ++i) {
      reversed += kDigits[part % static_cast<mp_digit>(base)];
      part /= static_cast<mp_digit>(base);
    }
  }
  if (number_.sign == MP_NEG) reversed += '-';
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

// The results of the usual operators are made where their callers want them: one variable, which is
// what is returned.

// a + b, or a - b when `sign_of_b` is not b's own.
BigInt BigInt::sum(const BigInt& a, const BigInt& b, mp_sign sign_of_b) {
  auto greater = a.digits();
  auto other = b.digits();
  const bool adds = a.number_.sign == sign_of_b;
  const bool swaps = adds ? greater.size() < other.size() : digits::compare(greater, other) < 0;
  if (swaps) std::swap(greater, other);
  const size_t size = greater.size() + (adds ? 1 : 0);
  BigInt result(Empty::kTag);
  result.make_room(size);
  (adds ? digits::add : digits::subtract)(greater, other, result.number_.dp);
  result.trim(size, swaps ? sign_of_b : a.number_.sign);
  return result;
}

BigInt operator+(const BigInt& a, const BigInt& b) { return BigInt::sum(a, b, b.number_.sign); }

BigInt operator-(const BigInt& a, const BigInt& b) {
  return BigInt::sum(a, b, b.number_.sign == MP_NEG ? MP_ZPOS : MP_NEG);
}

BigInt operator*(const BigInt& a, const BigInt& b) {
  // Long numbers are the library's, which needs fewer steps for them.
  constexpr size_t kShort = 16;
  const auto x = a.digits();
  const auto y = b.digits();
  BigInt result(BigInt::Empty::kTag);
  if (std::min(x.size(), y.size()) > kShort) {
    check(mp_init(&result.number_));
    check(mp_mul(&a.number_, &b.number_, &result.number_));
  } else if (!a.is_zero() && !b.is_zero()) {
    result.make_room(x.size() + y.size());
    digits::multiply(x, y, result.number_.dp);
    result.trim(x.size() + y.size(), a.number_.sign == b.number_.sign ? MP_ZPOS : MP_NEG);
  }
  return result;
}

BigInt operator-(const BigInt& a) {
  BigInt result = a;
  if (!a.is_zero()) result.number_.sign = a.number_.sign == MP_NEG ? MP_ZPOS : MP_NEG;
  return result;
}

BigInt operator~(const BigInt& a) { return -a - BigInt(1); }

BigInt operator&(const BigInt& a, const BigInt& b) {
  BigInt result = BigInt::for_library();
  check(mp_and(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator|(const BigInt& a, const BigInt& b) {
  BigInt result = BigInt::for_library();
  check(mp_or(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator^(const BigInt& a, const BigInt& b) {
  BigInt result = BigInt::for_library();
  check(mp_xor(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator<<(const BigInt& a, size_t bits) {
  BigInt result = BigInt::for_library();
  check(mp_mul_2d(&a.number_, static_cast<int>(bits), &result.number_));
  return result;
}

BigInt operator>>(const BigInt& a, size_t bits) {
  // More than all the bits is the same as all of them, and fits the library's int.
  bits = std::min(bits, a.bit_length() + 1);
  BigInt result = BigInt::for_library();
  check(mp_signed_rsh(&a.number_, static_cast<int>(bits), &result.number_));
  return result;
}

void BigInt::divide_short(const BigInt& a, const BigInt& b, BigInt* quotient, BigInt& remainder) {
  const auto x = a.digits();
  const auto y = b.digits();
  const mp_sign sign = a.number_.sign == b.number_.sign ? MP_ZPOS : MP_NEG;
  if (digits::compare(x, y) < 0) {
    if (quotient != nullptr) *quotient = BigInt(Empty::kTag);
    remainder = a;
    return;
  }
  if (y.size() == 1) {
    BigInt result = a;
    remainder = from_u64(digits::divide_by_digit({result.number_.dp, x.size()}, y[0]));
    remainder.trim(remainder.digits().size(), a.number_.sign);
    result.trim(x.size(), sign);
    if (quotient != nullptr) *quotient = std::move(result);
    return;
  }
  const size_t length = x.size() - y.size() + 1;
  remainder.make_room(x.size() + 1);
  if (quotient != nullptr) quotient->make_room(length);
  digits::divide(x, y, quotient == nullptr ? nullptr : quotient->number_.dp, remainder.number_.dp);
  remainder.trim(y.size(), a.number_.sign);
  if (quotient != nullptr) quotient->trim(length, sign);
}

namespace {

// The library divides long numbers by long ones in fewer steps.
bool is_short_division(size_t divisor_digits) {
  return divisor_digits <= digits::kMostDivisorDigits;
}

bool is_long_division(const BigInt& a, const BigInt& b) {
  return b.bit_length() > kLongBits && a.bit_length() > b.bit_length() + kLongBits;
}

BigInt magnitude(const BigInt& number) { return number.sign() < 0 ? -number : number; }

// Rounded towards zero.
Division truncated_division(const BigInt& a, const BigInt& b) {
  Division result = divide_long(magnitude(a), magnitude(b));
  if (a.sign() != b.sign()) result.quotient = -result.quotient;
  if (a.sign() < 0) result.remainder = -result.remainder;
  return result;
}

}  // namespace

BigInt BigInt::floor_div(const BigInt& a, const BigInt& b) {
  BigInt quotient(Empty::kTag);
  BigInt remainder(Empty::kTag);
  if (is_short_division(b.digits().size())) {
    divide_short(a, b, &quotient, remainder);
  } else if (is_long_division(a, b)) {
    Division result = truncated_division(a, b);
    quotient = std::move(result.quotient);
    remainder = std::move(result.remainder);
  } else {
    quotient = for_library();
    remainder = for_library();
    check(mp_div(&a.number_, &b.number_, &quotient.number_, &remainder.number_));
  }
  if (!remainder.is_zero() && remainder.number_.sign != b.number_.sign) return quotient - BigInt(1);
  return quotient;
}

BigInt BigInt::short_floor_mod(const BigInt& a, const BigInt& b) {
  BigInt remainder(Empty::kTag);
  divide_short(a, b, nullptr, remainder);
  if (!remainder.is_zero() && remainder.number_.sign != b.number_.sign) remainder = remainder + b;
  return remainder;
}

BigInt BigInt::floor_mod(const BigInt& a, const BigInt& b) {
  if (is_short_division(b.digits().size())) return short_floor_mod(a, b);
  if (is_long_division(a, b)) {
    BigInt remainder = truncated_division(a, b).remainder;
    if (remainder.is_zero() || remainder.number_.sign == b.number_.sign) return remainder;
    return remainder + b;
  }
  BigInt remainder = for_library();
  check(mp_mod(&a.number_, &b.number_, &remainder.number_));
  return remainder;
}

int BigInt::compare(const BigInt& a, const BigInt& b) {
  const bool negative = a.number_.sign == MP_NEG;
  if (a.number_.sign != b.number_.sign) return negative ? -1 : 1;
  const int order = digits::compare(a.digits(), b.digits());
  return negative ? -order : order;
}

}  // namespace mishap::starlark
