#include "bigint_long.h"

#include <vector>

namespace mishap::starlark {
namespace {

// The texts that conversion is about are halved down to pieces of this length.
constexpr size_t kPiece = 1024;

// About 2^(2n) / d for a d of n bits; off by a few units at most. By Newton's iteration, from the
// reciprocal of d's upper half.
BigInt reciprocal(const BigInt& d) {
  constexpr size_t kDirect = 4096;
  const size_t n = d.bit_length();
  const BigInt one = BigInt(1) << (2 * n);
  if (n <= kDirect) return BigInt::floor_div(one, d);
  const size_t lower = n - (n / 2 + 2);
  const BigInt guess = reciprocal(d >> lower) << lower;
  return guess + ((guess * (one - d * guess)) >> (2 * n));
}

/// Divides many numbers by one.
class Divider {
 public:
  explicit Divider(const BigInt& by)
      : by_(by), bits_(by.bit_length()), reciprocal_(reciprocal(by)) {}

  const BigInt& by() const { return by_; }
  size_t bits() const { return bits_; }

  /// `number` has at most twice the divisor's bits.
  Division divide(const BigInt& number) const {
    Division result{(number * reciprocal_) >> (2 * bits_), {}};
    result.remainder = number - result.quotient * by_;
    while (result.remainder.sign() < 0) {
      result.quotient = result.quotient - BigInt(1);
      result.remainder = result.remainder + by_;
    }
    while (BigInt::compare(result.remainder, by_) >= 0) {
      result.quotient = result.quotient + BigInt(1);
      result.remainder = result.remainder - by_;
    }
    return result;
  }

 private:
  BigInt by_;
  size_t bits_;
  BigInt reciprocal_;
};

// base^(kPiece * 2^i) for each i from 0.
class Powers {
 public:
  explicit Powers(int base) {
    BigInt power(1);
    for (BigInt square(base); power_of_piece_ < kPiece; power_of_piece_ *= 2) {
      square = square * square;
      power = square;
    }
    powers_.push_back(power);
  }
  const BigInt& operator[](size_t i) {
    while (powers_.size() <= i) powers_.push_back(powers_.back() * powers_.back());
    return powers_[i];
  }

 private:
  size_t power_of_piece_ = 1;
  std::vector<BigInt> powers_;
};

std::optional<BigInt> parse_part(std::string_view digits, int base, Powers& powers) {
  if (digits.size() <= kPiece) return BigInt::parse(digits, base);
  size_t level = 0;
  while ((kPiece << (level + 1)) < digits.size()) ++level;
  const size_t low_size = kPiece << level;
  const auto high = parse_part(digits.substr(0, digits.size() - low_size), base, powers);
  const auto low = parse_part(digits.substr(digits.size() - low_size), base, powers);
  if (!high || !low) return std::nullopt;
  return *high * powers[level] + *low;
}

// Appends the digits of `number`, which is less than the square of the last divider's, with zeros
// in front up to `width`.
void append_part(std::string& out, const BigInt& number, int base, size_t width,
                 std::span<const Divider> dividers) {
  if (dividers.empty()) {
    const std::string text = number.to_string(base);
    if (text.size() < width) out.append(width - text.size(), '0');
    out += text;
    return;
  }
  const auto lower = dividers.first(dividers.size() - 1);
  const size_t low_width = kPiece << lower.size();
  if (width == 0 && BigInt::compare(number, dividers.back().by()) < 0)
    return append_part(out, number, base, 0, lower);
  const Division halves = dividers.back().divide(number);
  append_part(out, halves.quotient, base, width == 0 ? 0 : width - low_width, lower);
  append_part(out, halves.remainder, base, low_width, lower);
}

}  // namespace

std::optional<BigInt> parse_long(std::string_view digits, int base) {
  if (digits.find_first_of("+-") != std::string_view::npos) return std::nullopt;
  Powers powers(base);
  return parse_part(digits, base, powers);
}

std::string to_string_long(const BigInt& number, int base) {
  Powers powers(base);
  std::vector<Divider> dividers;
  for (size_t i = 0; BigInt::compare(powers[i], number) <= 0; ++i) dividers.emplace_back(powers[i]);
  std::string out;
  append_part(out, number, base, 0, dividers);
  return out;
}

Division divide_long(const BigInt& number, const BigInt& by) {
  const Divider divider(by);
  const size_t bits = divider.bits();
  Division result;
  // Digit by digit, where a digit has as many bits as the divisor.
  for (size_t i = number.bit_length() / bits + 1; i-- > 0;) {
    const BigInt above = number >> ((i + 1) * bits);
    const BigInt digit = (number >> (i * bits)) - (above << bits);
    Division step = divider.divide((result.remainder << bits) + digit);
    result.quotient = (result.quotient << bits) + step.quotient;
    result.remainder = std::move(step.remainder);
  }
  return result;
}

}  // namespace mishap::starlark
