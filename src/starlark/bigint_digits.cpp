#include "bigint_digits.h"

#include <bit>

#include "wide.h"

namespace mishap::starlark::digits {
namespace {

constexpr unsigned kBits = MP_DIGIT_BIT;
constexpr mp_digit kMask = MP_MASK;

// Digits of b at and after `at` are 0.
mp_digit digit(Digits b, size_t at) { return at < b.size() ? b[at] : 0; }

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

// from -= factor * b, where b is shifted to the left by `shift`. True: it went below 0.
bool subtract_multiple(mp_digit* from, Digits b, unsigned shift, mp_digit factor) {
  Uint128 carry = 0;
  mp_digit borrow = 0;
  for (size_t i = 0; i <= b.size(); ++i) {
    const mp_digit low = i == 0 || shift == 0 ? 0 : b[i - 1] >> (kBits - shift);
    const mp_digit shifted = (digit(b, i) << shift & kMask) | low;
    carry += static_cast<Uint128>(shifted) * factor;
    const mp_digit difference = from[i] - (static_cast<mp_digit>(carry) & kMask) - borrow;
    from[i] = difference & kMask;
    borrow = difference >> (8 * sizeof(mp_digit) - 1);
    carry >>= kBits;
  }
  return borrow != 0;
}

void add_shifted(mp_digit* to, Digits b, unsigned shift) {
  mp_digit carry = 0;
  for (size_t i = 0; i <= b.size(); ++i) {
    const mp_digit low = i == 0 || shift == 0 ? 0 : b[i - 1] >> (kBits - shift);
    carry += to[i] + ((digit(b, i) << shift & kMask) | low);
    to[i] = carry & kMask;
    carry >>= kBits;
  }
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
    carry += a[i] + digit(b, i);
    result[i] = carry & kMask;
    carry >>= kBits;
  }
  result[a.size()] = carry;
}

void subtract(Digits a, Digits b, mp_digit* result) {
  mp_digit borrow = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const mp_digit difference = a[i] - digit(b, i) - borrow;
    result[i] = difference & kMask;
    borrow = difference >> (8 * sizeof(mp_digit) - 1);
  }
}

void multiply(Digits a, Digits b, mp_digit* result) {
  for (size_t i = 0; i < a.size(); ++i) result[i] = 0;
  for (size_t j = 0; j < b.size(); ++j) {
    Uint128 carry = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      carry += static_cast<Uint128>(a[i]) * b[j] + result[i + j];
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
  mp_digit carry = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    remainder[i] = (a[i] << shift & kMask) | carry;
    carry = shift == 0 ? 0 : a[i] >> (kBits - shift);
  }
  remainder[a.size()] = carry;
  const size_t size = b.size();
  const mp_digit below = shift == 0 ? 0 : b[size - 2] >> (kBits - shift);
  const mp_digit b_high = (b[size - 1] << shift & kMask) | below;
  const mp_digit lowest = size < 3 || shift == 0 ? 0 : b[size - 3] >> (kBits - shift);
  const mp_digit b_next = (b[size - 2] << shift & kMask) | lowest;
  for (size_t j = a.size() - size + 1; j-- > 0;) {
    mp_digit factor = estimate(remainder + j + size, b_high, b_next);
    if (subtract_multiple(remainder + j, b, shift, factor)) {
      --factor;
      add_shifted(remainder + j, b, shift);
    }
    if (quotient != nullptr) quotient[j] = factor;
  }
  for (size_t i = 0; i < size; ++i) {
    const mp_digit above = shift == 0 ? 0 : remainder[i + 1] << (kBits - shift) & kMask;
    remainder[i] = remainder[i] >> shift | above;
  }
}

}  // namespace mishap::starlark::digits
