// Integers of any size.
//
// The interpreter keeps integers that fit 64 bits in the value itself; a BigInt is what arithmetic
// overflows into. Operations have the language's semantics: division and modulo floor, bit
// operations see negative numbers as infinite two's complement, conversions to and comparisons with
// floats are exact or correctly rounded. Values do not change after they are made, apart from
// assignment. Nothing here limits sizes: callers bound shifts, powers and repeats before they ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <tommath.h>

namespace mishap::starlark {

class BigInt {
 public:
  BigInt() : BigInt(int64_t{0}) {}
  explicit BigInt(int64_t value);
  BigInt(const BigInt& other);
  BigInt(BigInt&& other) noexcept;
  BigInt& operator=(const BigInt& other);
  BigInt& operator=(BigInt&& other) noexcept;
  ~BigInt();

  static BigInt from_u64(uint64_t value);
  /// The integer part of `value`, which must be finite.
  static BigInt from_double(double value);
  /// Optional sign, then one or more digits of `base` (2 to 36, either case), nothing else: no
  /// prefix, blanks or underscores.
  static std::optional<BigInt> parse(std::string_view digits, int base = 10);

  bool is_zero() const { return number_.used == 0; }
  /// -1, 0 or 1.
  int sign() const;
  /// Bits of the magnitude; 0 for zero.
  size_t bit_length() const;
  /// About how much memory the digits take.
  size_t byte_size() const {
    return sizeof(*this) +
           (is_inline() ? 0 : static_cast<size_t>(number_.alloc) * sizeof(mp_digit));
  }

  /// The value when it fits.
  std::optional<int64_t> to_int64() const {
    if (number_.used > kMostDigitsOf64Bits) return std::nullopt;
    return short_to_int64();
  }
  std::optional<uint64_t> to_uint64() const;
  /// Nearest double, ties to even; infinite when out of range.
  double to_double() const;
  /// Digits in `base` 2 to 36, lower case, "-" in front when negative.
  std::string to_string(int base = 10) const;
  /// Equal numbers have equal hashes, whatever their type: see hash_int64 and hash_double.
  uint64_t hash() const;

  friend BigInt operator+(const BigInt& a, const BigInt& b);
  friend BigInt operator-(const BigInt& a, const BigInt& b);
  friend BigInt operator*(const BigInt& a, const BigInt& b);
  friend BigInt operator-(const BigInt& a);
  friend BigInt operator~(const BigInt& a);
  friend BigInt operator&(const BigInt& a, const BigInt& b);
  friend BigInt operator|(const BigInt& a, const BigInt& b);
  friend BigInt operator^(const BigInt& a, const BigInt& b);
  friend BigInt operator<<(const BigInt& a, size_t bits);
  /// Arithmetic: rounds towards minus infinity.
  friend BigInt operator>>(const BigInt& a, size_t bits);
  friend bool operator==(const BigInt& a, const BigInt& b) { return compare(a, b) == 0; }

  /// a // b, rounded towards minus infinity; b must not be zero.
  static BigInt floor_div(const BigInt& a, const BigInt& b);
  /// a - b * (a // b): has the sign of b; b must not be zero.
  static BigInt floor_mod(const BigInt& a, const BigInt& b);
  /// -1, 0 or 1.
  static int compare(const BigInt& a, const BigInt& b);
  /// Exact; every number is less than NaN, as in the language's total order.
  static int compare(const BigInt& a, double b);

 private:
  // Few digits are kept in the object itself. libtommath may read such a number, but its results go
  // into one made by for_library, which has memory of the library's own.
  static constexpr size_t kInline = 7;
  enum class Empty { kTag };
  explicit BigInt(Empty /*tag*/) noexcept : number_{0, kInline, MP_ZPOS, inline_} {}
  static BigInt for_library();
  /// Room for so many digits, which are to be filled, then trimmed; what was there is lost.
  void make_room(size_t digits);

  static constexpr int kMostDigitsOf64Bits = (64 + MP_DIGIT_BIT - 1) / MP_DIGIT_BIT;
  std::optional<int64_t> short_to_int64() const;
  bool is_inline() const { return number_.dp == inline_; }
  std::span<const mp_digit> digits() const {
    return {number_.dp, static_cast<size_t>(number_.used)};
  }
  void set_magnitude(uint64_t magnitude);
  /// Leaves out leading zeros; zero is positive.
  void trim(size_t digits, mp_sign sign);
  void take(BigInt& other) noexcept;
  static BigInt sum(const BigInt& a, const BigInt& b, mp_sign sign_of_b);
  /// Quotient (null: not wanted) and remainder, rounded towards zero, of numbers of few digits.
  static BigInt short_floor_mod(const BigInt& a, const BigInt& b);
  static void divide_short(const BigInt& a, const BigInt& b, BigInt* quotient, BigInt& remainder);

  mp_int number_;
  mp_digit inline_[kInline];  // only those of number_.used are ever read
};

/// Exact comparison of an int with a float; NaN is greater than every number.
int compare_int_double(int64_t a, double b);

/// Hashes of numbers: 1, 1.0 and BigInt(1) hash alike.
uint64_t hash_int64(int64_t value);
uint64_t hash_double(double value);

}  // namespace mishap::starlark
