// Arithmetic on the digits of magnitudes, lowest first, as libtommath keeps them: MP_DIGIT_BIT bits
// in each. It is for numbers of a few digits, for which the library spends more on memory than on
// counting. Results never overlap operands unless said; sizes include leading zeros.
#pragma once

#include <span>

#include <tommath.h>

namespace mishap::starlark::digits {

using Digits = std::span<const mp_digit>;

/// -1, 0 or 1. Neither has leading zeros.
int compare(Digits a, Digits b);
/// result = a + b, where a is the longer one; one digit more than a. May be a's own.
void add(Digits a, Digits b, mp_digit* result);
/// result = a - b, where a is the greater one; as many digits as a. May be a's own or b's own.
void subtract(Digits a, Digits b, mp_digit* result);
/// result = a * b; as many digits as both have.
void multiply(Digits a, Digits b, mp_digit* result);
/// Divides `a` in place by one digit that is not 0; gives the remainder.
mp_digit divide_by_digit(std::span<mp_digit> a, mp_digit by);
/// Long division is for divisors of no more digits.
inline constexpr size_t kMostDivisorDigits = 64;
/// a / b and a % b, b of two to kMostDivisorDigits digits without leading zeros, a at least as
/// long. `quotient`
/// (null: not wanted) gets a.size() - b.size() + 1 digits, `remainder` a.size() + 1 of which
/// b.size() are the remainder and the rest 0.
void divide(Digits a, Digits b, mp_digit* quotient, mp_digit* remainder);

}  // namespace mishap::starlark::digits
