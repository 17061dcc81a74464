// Where integers meet floats: conversions, comparisons, and hashes that agree.
#include <bit>
#include <cmath>
#include <limits>

#include "mishap/base/check.h"
#include "mishap/starlark/bigint.h"

namespace mishap::starlark {
namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32;
  return x;
}

}  // namespace

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
    const BigInt top = (number_.sign == MP_NEG ? -*this : *this) >> dropped;
    const bool sticky = static_cast<size_t>(mp_cnt_lsb(&number_)) < dropped;
    const uint64_t leading = mp_get_mag_u64(&top.number_) | (sticky ? 1 : 0);
    magnitude = std::ldexp(static_cast<double>(leading), static_cast<int>(dropped));
  }
  return number_.sign == MP_NEG ? -magnitude : magnitude;
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

uint64_t BigInt::hash() const {
  if (auto small = to_int64()) return hash_int64(*small);
  uint64_t hash = number_.sign == MP_NEG ? 0x9e3779b97f4a7c15ULL : 0;
  for (int i = 0; i < number_.used; ++i) hash = mix(hash ^ number_.dp[i]);
  return hash;
}

uint64_t hash_int64(int64_t value) { return static_cast<uint64_t>(value); }

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
