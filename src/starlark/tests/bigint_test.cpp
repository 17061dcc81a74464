#include "mishap/starlark/bigint.h"

#include <cctype>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace mishap::starlark {
namespace {

BigInt big(std::string_view text, int base = 10) { return *BigInt::parse(text, base); }

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(BigInt, ReadsAndWritesEveryBase) {
  const std::string digits = "123456789012345678901234567890123456789000000000000000000000000001";
  EXPECT_EQ(big(digits).to_string(), digits);
  EXPECT_EQ(big("-" + digits).to_string(), "-" + digits);
  for (int base = 2; base <= 36; ++base) {
    EXPECT_EQ(big(big(digits).to_string(base), base), big(digits)) << base;
  }
  EXPECT_EQ(big("FFFFFFFFFFFFFFFFFFFF", 16).to_string(16), "ffffffffffffffffffff");
  EXPECT_EQ(big("0").to_string(), "0");
  EXPECT_EQ(big("-0").sign(), 0);
  EXPECT_EQ(big("+000000000000000000000000000000000000000000007"), BigInt(7));
  for (const char* bad : {"", "-", "+", "12a", "1_0", " 1", "0x10", "--1"}) {
    EXPECT_FALSE(BigInt::parse(bad)) << bad;
  }
  EXPECT_FALSE(BigInt::parse("2", 2));
}

TEST(BigInt, KnowsWhatFitsSixtyFourBits) {
  EXPECT_EQ(BigInt(kMin).to_int64(), kMin);
  EXPECT_EQ(BigInt(kMax).to_int64(), kMax);
  EXPECT_EQ((BigInt(kMax) + BigInt(1)).to_int64(), std::nullopt);
  EXPECT_EQ((BigInt(kMin) - BigInt(1)).to_int64(), std::nullopt);
  EXPECT_EQ((BigInt(kMax) + BigInt(1) - BigInt(1)).to_int64(), kMax);
  EXPECT_EQ(BigInt::from_u64(UINT64_MAX).to_uint64(), UINT64_MAX);
  EXPECT_EQ((BigInt::from_u64(UINT64_MAX) + BigInt(1)).to_uint64(), std::nullopt);
  EXPECT_EQ(BigInt(-1).to_uint64(), std::nullopt);
  EXPECT_EQ(BigInt::from_u64(~uint64_t{0}).to_string(), "18446744073709551615");
}

TEST(BigInt, DividesTowardsMinusInfinity) {
  const BigInt ten20 = big("100000000000000000000");
  EXPECT_EQ(BigInt::floor_div(ten20, BigInt(-3)).to_string(), "-33333333333333333334");
  EXPECT_EQ(BigInt::floor_mod(ten20, BigInt(-3)).to_string(), "-2");
  EXPECT_EQ(BigInt::floor_div(-ten20, BigInt(3)).to_string(), "-33333333333333333334");
  EXPECT_EQ(BigInt::floor_mod(-ten20, BigInt(3)).to_string(), "2");
  EXPECT_EQ(BigInt::floor_mod(-ten20, BigInt(-3)).to_string(), "-1");
  EXPECT_EQ(BigInt::floor_mod(-ten20, ten20), BigInt(0));
  EXPECT_EQ(BigInt::floor_mod(BigInt(-1), ten20).to_string(), "99999999999999999999");
  EXPECT_EQ(BigInt::floor_div(BigInt(kMin), BigInt(-1)).to_string(), "9223372036854775808");
}

// Numbers of all lengths up to `bits`, many of them with runs of ones or zeros, where carries and
// guesses of digits go wrong.
class Numbers {
 public:
  BigInt next(size_t bits) {
    BigInt number;
    for (const size_t length = random_() % bits + 1; number.bit_length() < length;) {
      const uint64_t pattern = random_();
      const auto word = static_cast<int64_t>(pattern % 4 == 0   ? 0
                                             : pattern % 4 == 1 ? (int64_t{1} << 60) - 1
                                                                : pattern >> 4);
      number = (number << 60) + BigInt(word + (number.is_zero() ? 1 : 0));
    }
    return random_() % 2 == 0 ? number : -number;
  }

 private:
  std::mt19937_64 random_{20240607};
};

mp_int library(const BigInt& number) {
  mp_int result;
  EXPECT_EQ(mp_init(&result), MP_OKAY);
  EXPECT_EQ(mp_read_radix(&result, number.to_string(16).c_str(), 16), MP_OKAY);
  return result;
}

std::string text(const mp_int& number) {
  std::string digits(static_cast<size_t>(number.used) * 16 + 3, '\0');
  size_t written = 0;
  EXPECT_EQ(mp_to_radix(&number, digits.data(), digits.size(), &written, 16), MP_OKAY);
  for (char& c : digits) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return digits.substr(0, written - 1);
}

TEST(BigInt, CountsAsTheLibraryDoes) {
  Numbers numbers;
  for (int i = 0; i < 3000; ++i) {
    const size_t bits = i % 10 == 0 ? 6000 : i % 3 == 0 ? 1500 : 420;
    const BigInt a = numbers.next(bits);
    const BigInt b = numbers.next(i % 2 == 0 ? bits : bits / 2);
    mp_int x = library(a);
    mp_int y = library(b);
    mp_int result;
    ASSERT_EQ(mp_init(&result), MP_OKAY);
    ASSERT_EQ(mp_add(&x, &y, &result), MP_OKAY);
    EXPECT_EQ((a + b).to_string(16), text(result));
    ASSERT_EQ(mp_sub(&x, &y, &result), MP_OKAY);
    EXPECT_EQ((a - b).to_string(16), text(result));
    ASSERT_EQ(mp_mul(&x, &y, &result), MP_OKAY);
    EXPECT_EQ((a * b).to_string(16), text(result));
    ASSERT_EQ(mp_mod(&x, &y, &result), MP_OKAY);
    const BigInt remainder = BigInt::floor_mod(a, b);
    EXPECT_EQ(remainder.to_string(16), text(result));
    EXPECT_EQ(BigInt::floor_div(a, b) * b + remainder, a);
    EXPECT_EQ(BigInt::compare(a, b), static_cast<int>(mp_cmp(&x, &y)));
    EXPECT_EQ(big(a.to_string()), a);
    mp_clear_multi(&x, &y, &result, nullptr);
  }
}

TEST(BigInt, SeesNegativeNumbersAsTwosComplement) {
  const BigInt two70 = BigInt(1) << 70;
  EXPECT_EQ((-two70 & BigInt(-1)), -two70);
  EXPECT_EQ((-two70 | BigInt(1)), -two70 + BigInt(1));
  EXPECT_EQ((two70 ^ BigInt(-1)), -two70 - BigInt(1));
  EXPECT_EQ(~two70, -two70 - BigInt(1));
  EXPECT_EQ((-two70 - BigInt(1)) >> 70, BigInt(-2));
  EXPECT_EQ(-two70 >> 1000000, BigInt(-1));
  EXPECT_EQ(two70 >> 1000000, BigInt(0));
  EXPECT_EQ((two70 >> 69), BigInt(2));
}

TEST(BigInt, RoundsToTheNearestDouble) {
  EXPECT_EQ((BigInt(1) << 1023).to_double(), std::ldexp(1.0, 1023));
  EXPECT_EQ((BigInt(1) << 1024).to_double(), std::numeric_limits<double>::infinity());
  EXPECT_EQ((-(BigInt(1) << 1024)).to_double(), -std::numeric_limits<double>::infinity());
  // Just under and exactly half way between two doubles, far above 64 bits.
  const BigInt one = BigInt(1) << 200;
  const BigInt half_step = BigInt(1) << (200 - 53);
  const double next = std::nextafter(std::ldexp(1.0, 200), INFINITY);
  EXPECT_EQ((one + half_step).to_double(), std::ldexp(1.0, 200));
  EXPECT_EQ((one + half_step + BigInt(1)).to_double(), next);
  EXPECT_EQ((one + half_step - BigInt(1)).to_double(), std::ldexp(1.0, 200));
  EXPECT_EQ(BigInt::from_double(1e300).to_double(), 1e300);
  EXPECT_EQ(BigInt::from_double(-1.9).to_int64(), -1);
  EXPECT_EQ(BigInt::from_double(-9223372036854775808.0).to_int64(), kMin);
}

TEST(BigInt, ComparesWithDoublesExactly) {
  EXPECT_EQ(compare_int_double((int64_t{1} << 53) + 1, std::ldexp(1.0, 53)), 1);
  EXPECT_EQ(compare_int_double(-3, -2.5), -1);
  EXPECT_EQ(compare_int_double(-2, -2.5), 1);
  EXPECT_EQ(compare_int_double(kMax, 9223372036854775808.0), -1);
  EXPECT_EQ(compare_int_double(kMin, -9223372036854775808.0), 0);
  EXPECT_EQ(compare_int_double(kMax, NAN), -1);
  const BigInt ten23 = big("100000000000000000000000");
  EXPECT_EQ(BigInt::compare(ten23, 1e23), 1);  // the nearest double is a little less
  EXPECT_EQ(BigInt::compare(ten23, INFINITY), -1);
  EXPECT_EQ(BigInt::compare(ten23, -INFINITY), 1);
  EXPECT_EQ(BigInt::compare(ten23, NAN), -1);
  EXPECT_EQ(BigInt::compare(BigInt(2), 2.5), -1);
}

TEST(BigInt, HashesLikeTheEqualDouble) {
  EXPECT_EQ(hash_int64(1), hash_double(1.0));
  EXPECT_EQ(hash_double(0.0), hash_double(-0.0));
  EXPECT_EQ(BigInt(42).hash(), hash_int64(42));
  EXPECT_EQ((BigInt(1) << 100).hash(), hash_double(std::ldexp(1.0, 100)));
  EXPECT_EQ(BigInt(kMin).hash(), hash_double(-9223372036854775808.0));
  EXPECT_NE(hash_double(1.5), hash_double(2.5));
}

TEST(BigInt, MovesAndCopies) {
  BigInt a = big("123456789123456789123456789");
  BigInt b = a;
  BigInt c = std::move(a);
  a = b;
  EXPECT_EQ(a, c);
  b = std::move(c);
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.bit_length(), 87U);
}

// Long numbers go other ways than short ones, and must not differ.
TEST(BigInt, LongTextsAndBack) {
  for (const int base : {2, 10, 16, 36}) {
    for (const size_t size : {4095, 4096, 4097, 8191, 8192, 20000, 100001}) {
      std::string text(size, '0');
      for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('0' + (i * i + size) % 2);
      text[0] = '1';
      const auto number = BigInt::parse(text, base);
      ASSERT_TRUE(number);
      EXPECT_EQ(number->to_string(base), text) << base << " " << size;
      EXPECT_EQ((-*number).to_string(base), "-" + text) << base << " " << size;
      EXPECT_EQ((BigInt::floor_mod(*number, BigInt(base))).to_string(), text.substr(size - 1));
    }
  }
  const std::string zeros = "1" + std::string(50'000, '0');
  EXPECT_EQ(BigInt::parse(zeros)->to_string(), zeros);
  EXPECT_EQ((*BigInt::parse(zeros) - BigInt(1)).to_string(), std::string(50'000, '9'));
  EXPECT_EQ(BigInt::parse(std::string(9'000, '0') + "7")->to_string(), "7");
  EXPECT_FALSE(BigInt::parse(std::string(9'000, '1') + "a"));
  EXPECT_FALSE(BigInt::parse(std::string(9'000, '1') + "-" + std::string(1'023, '1')));
  EXPECT_FALSE(BigInt::parse("--" + std::string(9'000, '1')));
}

TEST(BigInt, LongDivisions) {
  for (const size_t long_size : {10'000, 20'000, 60'000}) {
    for (const size_t short_size : {4'950, 5'000, 6'000, 9'999}) {
      for (const int sign : {1, -1}) {
        const BigInt a = *BigInt::parse(std::string(long_size, '7')) * BigInt(sign);
        const BigInt b = *BigInt::parse("3" + std::string(short_size, '9'));
        const BigInt quotient = BigInt::floor_div(a, b);
        const BigInt rest = BigInt::floor_mod(a, b);
        EXPECT_TRUE(quotient * b + rest == a) << long_size << " " << short_size;
        EXPECT_GE(rest.sign(), 0);
        EXPECT_LT(BigInt::compare(rest, b), 0);
        EXPECT_TRUE(BigInt::floor_div(-a, -b) == quotient);
        EXPECT_TRUE(BigInt::floor_mod(-a, -b) == -rest);
        // What divides evenly, and what just does not.
        EXPECT_TRUE(BigInt::floor_div(quotient * b, b) == quotient);
        EXPECT_TRUE(BigInt::floor_mod(quotient * b - BigInt(1), b) == b - BigInt(1));
      }
    }
  }
}

}  // namespace
}  // namespace mishap::starlark
