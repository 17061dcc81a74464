// Conversion and division of long integers in much less than quadratic time, all by multiplication,
// which libtommath does well.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mishap/starlark/bigint.h"

namespace mishap::starlark {

/// Texts of more characters are worth parse_long.
inline constexpr size_t kLongText = 4096;
/// Numbers of more bits are worth to_string_long, and as divisors divide_long.
inline constexpr size_t kLongBits = 16384;

/// BigInt::parse of digits without a sign.
std::optional<BigInt> parse_long(std::string_view digits, int base);
/// BigInt::to_string of a number that is not negative.
std::string to_string_long(const BigInt& number, int base);

struct Division {
  BigInt quotient;
  BigInt remainder;
};
/// Of numbers that are not negative; `by` is not zero.
Division divide_long(const BigInt& number, const BigInt& by);

}  // namespace mishap::starlark
