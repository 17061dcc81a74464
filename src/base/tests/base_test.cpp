#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mishap/base/check.h"
#include "mishap/base/random.h"
#include "mishap/base/result.h"
#include "mishap/base/source_pos.h"
#include "mishap/base/unique_fd.h"

namespace mishap {
namespace {

Result<int> number(bool good) {
  if (!good) return fail_errno("open x", ENOENT);
  return 7;
}

Result<std::unique_ptr<int>> boxed(bool good) {
  MISHAP_ASSIGN(int value, number(good));
  return std::make_unique<int>(value);
}

Result<void> tried(bool good) {
  MISHAP_TRY(boxed(good));
  return {};
}

TEST(Result, CarriesValuesAndErrors) {
  EXPECT_EQ(**boxed(true), 7);
  EXPECT_TRUE(tried(true));
  auto failed = tried(false);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "open x: No such file or directory");
  EXPECT_EQ(failed.error().code, ENOENT);
  EXPECT_EQ(std::move(failed.error()).context("start db").message,
            "start db: open x: No such file or directory");
}

TEST(Check, PrintsAndAborts) {
  int x = 3;
  EXPECT_DEATH(MISHAP_CHECK(x == 4, "x is {}", x),
               "base_test.cpp:[0-9]+: check failed: x == 4: x is 3");
  EXPECT_DEATH(MISHAP_CHECK(false), "check failed: false");
  MISHAP_CHECK(x == 3);
}

TEST(UniqueFd, ClosesOnceAndKeepsErrno) {
  int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(raw, 0);
  {
    UniqueFd fd(raw);
    UniqueFd moved = std::move(fd);
    EXPECT_EQ(moved.get(), raw);
    EXPECT_FALSE(fd);  // NOLINT(bugprone-use-after-move): a moved-from owner owns nothing
    errno = EPIPE;
  }
  EXPECT_EQ(errno, EPIPE);
  EXPECT_EQ(::fcntl(raw, F_GETFD), -1);
}

TEST(SourcePos, Text) {
  EXPECT_EQ((SourcePos{"spec.star", 12, 5}.text()), "spec.star:12:5");
  EXPECT_EQ((SourcePos{"spec.star", 12, 0}.text()), "spec.star:12");
  EXPECT_EQ(SourcePos{}.text(), "");
}

TEST(Random, StreamsAreReproducibleAndApart) {
  Random a = Random::stream(1, "rule a");
  Random same = Random::stream(1, "rule a");
  Random b = Random::stream(1, "rule b");
  Random other_seed = Random::stream(2, "rule a");
  uint64_t first = a.next();
  EXPECT_EQ(first, same.next());
  EXPECT_NE(first, b.next());
  EXPECT_NE(first, other_seed.next());
}

// SplitMix64's published first outputs for seed 1234567: a saved seed must mean the same in every
// build.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317ULL);
  EXPECT_EQ(random.next(), 3203168211198807973ULL);
}

TEST(Random, ChanceHasItsEnds) {
  Random random(42);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1));
    EXPECT_LT(random.below(7), 7u);
    if (random.chance(0.3)) ++hits;
  }
  EXPECT_NEAR(hits, 3000, 200);
}

TEST(Random, SeedHas63Bits) { EXPECT_EQ(random_seed() >> 63, 0u); }

}  // namespace
}  // namespace mishap
