#include "bigint_digits.h"

#include <bit>

#include "wide.h"

namespace mishap::starlark::digits {
namespace {

constexpr unsigned kBits = MP_DIGIT_BIT;
constexpr mp_digit kMask = MP_MASK;

// How far the highest digit of `b` has to be shifted for its top bit to be set.
unsigned normal_shift(Digits b) {
  return kBits - static_cast<unsigned>(std::bit_width(uint64_t{b.back()}));
}

// What the first two digits of the dividend suggest for a digit of the quotient: right, or one too
// large. `top` are three digits, `b` is normal.
mp_digit estimate(const mp_digit* top, mp_digit b_high, mp_digit b_next) {
  const Uint128 leading = static_cast<Uint128>(top[0]) << kBits | top[-1];
  Uint128 guess = leading / b_high;
  Uint128 rest = leading - guess * b_high;
  while (guess > kMask || guess * b_next > (rest << kBits | top[-2])) {
    --guess;
    rest += b_high;
    if (rest > kMask) break;
  }
  return static_cast<mp_digit>(guess);
}

// from -= factor * b, where `from` has a digit more. True: it went below 0.
bool subtract_multiple(mp_digit* from, Digits b, mp_digit factor) {
  mp_digit carry = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const Uint128 product = static_cast<Uint128>(b[i]) * factor + carry;
    const mp_digit difference = from[i] - (static_cast<mp_digit>(product) & kMask);
    from[i] = difference & kMask;
    carry = static_cast<mp_digit>(product >> kBits) + (difference >> (8 * sizeof(mp_digit) - 1));
  }
  const mp_digit difference = from[b.size()] - carry;
  from[b.size()] = difference & kMask;
  return difference >> (8 * sizeof(mp_digit) - 1) != 0;
}

// Adds b to what went below 0.
void add_back(mp_digit* to, Digits b) {
  mp_digit carry = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    carry += to[i] + b[i];
    to[i] = carry & kMask;
    carry >>= kBits;
  }
  to[b.size()] = (to[b.size()] + carry) & kMask;
}

// `digits` shifted to the left by less than a digit; one digit more.
void shift_left(Digits digits, unsigned shift, mp_digit* result) {
  mp_digit carry = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    result[i] = (digits[i] << shift & kMask) | carry;
    carry = shift == 0 ? 0 : digits[i] >> (kBits - shift);
  }
  result[digits.size()] = carry;
}

}  // namespace

int compare(Digits a, Digits b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (size_t i = a.size(); i-- > 0;) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

void add(Digits a, Digits b, mp_digit* result) {
  mp_digit carry = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    carry += a[i] + (i < b.size() ? b[i] : 0);
    result[i] = carry & kMask;
    carry >>= kBits;
  }
  result[a.size()] = carry;
}

void subtract(Digits a, Digits b, mp_digit* result) {
  mp_digit borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const mp_digit difference = a[i] - (i < b.size() ? b[i] : 0) - borrow;
    result[i] = difference & kMask;
    borrow = difference >> (8 * sizeof(mp_digit) - 1);
  }
}

void multiply(Digits a, Digits b, mp_digit* result) {
  for (size_t j = 0; j < b.size(); ++j) {
    Uint128 carry = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      // The first round finds nothing to add to.
      carry += static_cast<Uint128>(a[i]) * b[j] + (j == 0 ? 0 : result[i + j]);
      result[i + j] = static_cast<mp_digit>(carry) & kMask;
      carry >>= kBits;
    }
    result[a.size() + j] = static_cast<mp_digit>(carry);
  }
}

mp_digit divide_by_digit(std::span<mp_digit> a, mp_digit by) {
  mp_digit rest = 0;
  for (size_t i = a.size(); i-- > 0;) {
    const Uint128 part = static_cast<Uint128>(rest) << kBits | a[i];
    a[i] = static_cast<mp_digit>(part / by);
    rest = static_cast<mp_digit>(part - static_cast<Uint128>(a[i]) * by);
  }
  return rest;
}

// Long division (Knuth, The Art of Computer Programming, volume 2, 4.3.1, algorithm D).
void divide(Digits a, Digits b, mp_digit* quotient, mp_digit* remainder) {
  const unsigned shift = normal_shift(b);
  const size_t size = b.size();
  mp_digit normal[kMostDivisorDigits + 1];
  shift_left(b, shift, normal);
  shift_left(a, shift, remainder);
  for (size_t j = a.size() - size + 1; j-- > 0;) {
    mp_digit factor = estimate(remainder + j + size, normal[size - 1], normal[size - 2]);
    if (subtract_multiple(remainder + j, {normal, size}, factor)) {
      --factor;
      add_back(remainder + j, {normal, size});
    }
    if (quotient != nullptr) quotient[j] = factor;
  }
  for (size_t i = 0; i < size; ++i) {
    const mp_digit above = shift == 0 ? 0 : remainder[i + 1] << (kBits - shift) & kMask;
    remainder[i] = remainder[i] >> shift | above;
  }
}

}  // namespace mishap::starlark::digits
