#include "mishap/starlark/bigint.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "mishap/base/check.h"

namespace mishap::starlark {
namespace {

// libtommath fails only for want of memory (or on arguments we never pass); there is no going on
// from that.
void check(mp_err error) {
  MISHAP_CHECK(error == MP_OKAY, "big integer arithmetic: {}", mp_error_to_string(error));
}

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  return x;
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

BigInt::BigInt(int64_t value) {
  check(mp_init_size(&number_, 2));
  mp_set_i64(&number_, value);
}

BigInt::BigInt(const BigInt& other) {
  check(mp_init_size(&number_, std::max(other.number_.used, 1)));
  check(mp_copy(&other.number_, &number_));
}

BigInt::BigInt(BigInt&& other) noexcept : number_(other.number_) {
  other.number_ = mp_int{0, 0, MP_ZPOS, nullptr};
}

BigInt& BigInt::operator=(const BigInt& other) {
  if (this != &other) *this = BigInt(other);
  return *this;
}

BigInt& BigInt::operator=(BigInt&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

BigInt::~BigInt() { mp_clear(&number_); }

BigInt BigInt::from_u64(uint64_t value) {
  BigInt result;
  mp_set_u64(&result.number_, value);
  return result;
}

BigInt BigInt::from_double(double value) {
  MISHAP_CHECK(std::isfinite(value));
  value = std::trunc(value);
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  if (exponent <= 63) return BigInt(static_cast<int64_t>(value));
  // 53 bits of mantissa as an integer, then the rest of the exponent as a shift.
  return BigInt(static_cast<int64_t>(std::ldexp(fraction, 53)))
         << static_cast<size_t>(exponent - 53);
}

std::optional<BigInt> BigInt::parse(std::string_view digits, int base) {
  bool negative = false;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  if (digits.empty()) return std::nullopt;
  const Chunk chunk = chunk_of(base);
  BigInt result;
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

std::optional<int64_t> BigInt::to_int64() const {
  const size_t bits = bit_length();
  if (bits > 64) return std::nullopt;
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

double BigInt::to_double() const {
  const size_t bits = bit_length();
  double magnitude = 0;
  if (bits <= 64) {
    magnitude = static_cast<double>(mp_get_mag_u64(&number_));
  } else if (bits > 1024) {
    magnitude = std::numeric_limits<double>::infinity();
  } else {
    // The top 64 bits with "anything below?" folded into the lowest round as the whole number
    // would.
    const size_t dropped = bits - 64;
    BigInt top;
    check(mp_div_2d(&number_, static_cast<int>(dropped), &top.number_, nullptr));
    const bool sticky = static_cast<size_t>(mp_cnt_lsb(&number_)) < dropped;
    const uint64_t leading = mp_get_mag_u64(&top.number_) | (sticky ? 1 : 0);
    magnitude = std::ldexp(static_cast<double>(leading), static_cast<int>(dropped));
  }
  return number_.sign == MP_NEG ? -magnitude : magnitude;
}

std::string BigInt::to_string(int base) const {
  if (is_zero()) return "0";
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  const Chunk chunk = chunk_of(base);
  std::string reversed;
  BigInt rest = *this;
  while (!rest.is_zero()) {
    mp_digit part = 0;
    check(mp_div_d(&rest.number_, chunk.power, &rest.number_, &part));
    for (int i = 0; i < chunk.characters && (part != 0 || !rest.is_zero()); ++i) {
      reversed += kDigits[part % static_cast<mp_digit>(base)];
      part /= static_cast<mp_digit>(base);
    }
  }
  if (number_.sign == MP_NEG) reversed += '-';
  std::reverse(reversed.begin(), reversed.end());
  return reversed;
}

uint64_t BigInt::hash() const {
  if (auto small = to_int64()) return hash_int64(*small);
  uint64_t hash = number_.sign == MP_NEG ? 0x9e3779b97f4a7c15ULL : 0;
  for (int i = 0; i < number_.used; ++i) hash = mix(hash ^ number_.dp[i]);
  return hash;
}

BigInt operator+(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_add(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator-(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_sub(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator*(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_mul(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator-(const BigInt& a) {
  BigInt result;
  check(mp_neg(&a.number_, &result.number_));
  return result;
}

BigInt operator~(const BigInt& a) {
  BigInt result;
  check(mp_complement(&a.number_, &result.number_));
  return result;
}

BigInt operator&(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_and(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator|(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_or(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator^(const BigInt& a, const BigInt& b) {
  BigInt result;
  check(mp_xor(&a.number_, &b.number_, &result.number_));
  return result;
}

BigInt operator<<(const BigInt& a, size_t bits) {
  BigInt result;
  check(mp_mul_2d(&a.number_, static_cast<int>(bits), &result.number_));
  return result;
}

BigInt operator>>(const BigInt& a, size_t bits) {
  // More than all the bits is the same as all of them, and fits the library's int.
  bits = std::min(bits, a.bit_length() + 1);
  BigInt result;
  check(mp_signed_rsh(&a.number_, static_cast<int>(bits), &result.number_));
  return result;
}

BigInt BigInt::floor_div(const BigInt& a, const BigInt& b) {
  BigInt quotient;
  BigInt remainder;
  check(mp_div(&a.number_, &b.number_, &quotient.number_, &remainder.number_));
  if (!remainder.is_zero() && remainder.number_.sign != b.number_.sign) {
    check(mp_decr(&quotient.number_));
  }
  return quotient;
}

BigInt BigInt::floor_mod(const BigInt& a, const BigInt& b) {
  BigInt result;
  if (b.number_.used == 1 && b.number_.sign == MP_ZPOS) {
    // One digit: no quotient is built.
    mp_digit remainder = 0;
    check(mp_div_d(&a.number_, b.number_.dp[0], nullptr, &remainder));
    if (a.number_.sign == MP_NEG && remainder != 0) remainder = b.number_.dp[0] - remainder;
    mp_set_u64(&result.number_, remainder);
    return result;
  }
  check(mp_mod(&a.number_, &b.number_, &result.number_));
  return result;
}

int BigInt::compare(const BigInt& a, const BigInt& b) {
  return static_cast<int>(mp_cmp(&a.number_, &b.number_));
}

int BigInt::compare(const BigInt& a, double b) {
  if (std::isnan(b)) return -1;
  if (std::isinf(b)) return b > 0 ? -1 : 1;
  const double whole = std::trunc(b);
  if (const int order = compare(a, from_double(whole)); order != 0) return order;
  // Equal integer parts: the fraction, which has b's sign, decides.
  if (b == whole) return 0;
  return b > whole ? -1 : 1;
}

int compare_int_double(int64_t a, double b) {
  if (std::isnan(b)) return -1;
  constexpr double kTwo63 = 9223372036854775808.0;
  if (b >= kTwo63) return -1;
  if (b < -kTwo63) return 1;
  const auto whole = static_cast<int64_t>(b);
  if (a != whole) return a < whole ? -1 : 1;
  const double fraction = b - std::trunc(b);
  if (fraction == 0) return 0;
  return fraction > 0 ? -1 : 1;
}

uint64_t hash_int64(int64_t value) { return mix(static_cast<uint64_t>(value)); }

uint64_t hash_double(double value) {
  constexpr double kTwo63 = 9223372036854775808.0;
  if (value >= -kTwo63 && value < kTwo63 && value == std::trunc(value)) {
    return hash_int64(static_cast<int64_t>(value));
  }
  if (std::isnan(value)) return 0x7ff8a5a5a5a5a5a5ULL;
  if (!std::isinf(value) && value == std::trunc(value)) return BigInt::from_double(value).hash();
  return mix(std::bit_cast<uint64_t>(value) ^ 0x5851f42d4c957f2dULL);
}

}  // namespace mishap::starlark
