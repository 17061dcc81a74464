#include "mishap/traffic/pacing.h"

#include <gtest/gtest.h>

namespace mishap::traffic {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const PacingTime kStart = PacingTime() + seconds(100);

Pacing with(Shape shape, size_t held = 0) {
  Pacing pacing(held);
  pacing.set(std::move(shape));
  return pacing;
}

TEST(Pacing, LatencyHoldsEachPieceForItsTime) {
  Pacing pacing = with({.latency = milliseconds(50)});
  pacing.add(kStart, 10);
  pacing.add(kStart + milliseconds(20), 5);
  EXPECT_EQ(pacing.ripe(kStart + milliseconds(49), 15), 0);
  EXPECT_EQ(pacing.next(), kStart + milliseconds(50));
  EXPECT_EQ(pacing.ripe(kStart + milliseconds(50), 15), 10);
  pacing.left(10);
  EXPECT_EQ(pacing.ripe(kStart + milliseconds(69), 5), 0);
  EXPECT_EQ(pacing.ripe(kStart + milliseconds(70), 5), 5);
  pacing.left(5);
  EXPECT_EQ(pacing.next(), std::nullopt);
}

TEST(Pacing, TheEndComesAfterTheBytesAndAsLate) {
  Pacing pacing = with({.latency = milliseconds(50)});
  pacing.add(kStart, 0);
  EXPECT_FALSE(pacing.end_is_ripe(kStart + milliseconds(49)));
  EXPECT_TRUE(pacing.end_is_ripe(kStart + milliseconds(50)));
}

TEST(Pacing, BandwidthIsSharedAndExact) {
  auto line = std::make_shared<Bandwidth>(1'000'000);
  EXPECT_EQ(line->slice(), 10'000);
  Pacing one = with({.bandwidth = line});
  Pacing two = with({.bandwidth = line});
  one.add(kStart, 30'000);
  two.add(kStart, 10'000);
  EXPECT_EQ(one.ripe(kStart + milliseconds(9), 30'000), 0);
  EXPECT_EQ(one.ripe(kStart + milliseconds(10), 30'000), 10'000);
  EXPECT_EQ(one.ripe(kStart + milliseconds(25), 30'000), 20'000);
  EXPECT_EQ(two.ripe(kStart + milliseconds(39), 10'000), 0);
  EXPECT_EQ(two.ripe(kStart + milliseconds(40), 10'000), 10'000);
  EXPECT_EQ(line->admitted(), 40'000);
  EXPECT_EQ(line->longest_wait(), milliseconds(30));
  // An idle line saves nothing up.
  two.left(10'000);
  two.add(kStart + seconds(5), 10'000);
  EXPECT_EQ(two.ripe(kStart + seconds(5) + milliseconds(9), 10'000), 0);
}

TEST(Pacing, ASlowLineCountsInFractions) {
  Bandwidth line(3);
  EXPECT_EQ(line.slice(), 1460);
  EXPECT_EQ(line.admit(kStart, 1) - kStart, Nanoseconds(333'333'333));
}

TEST(Pacing, StallsAfterSoManyBytes) {
  Pacing pacing = with({.stall_after = 8});
  pacing.add(kStart, 5);
  EXPECT_EQ(pacing.ripe(kStart, 5), 5);
  EXPECT_FALSE(pacing.stalls(5));
  pacing.left(5);
  pacing.add(kStart, 10);
  EXPECT_EQ(pacing.ripe(kStart, 10), 3);
  pacing.left(3);
  EXPECT_EQ(pacing.ripe(kStart, 7), 0);
  EXPECT_TRUE(pacing.stalls(7));
  EXPECT_EQ(pacing.next(), std::nullopt) << "no time will change that";
  // Another rule beside it does not begin the count anew.
  pacing.set({.latency = milliseconds(1), .stall_after = 8});
  EXPECT_EQ(pacing.ripe(kStart, 7), 0);
}

TEST(Pacing, ResetsAfterSoManyBytes) {
  Pacing pacing = with({.reset_after = 4});
  pacing.add(kStart, 4);
  EXPECT_EQ(pacing.ripe(kStart, 4), 4);
  EXPECT_FALSE(pacing.must_reset(4));
  pacing.left(4);
  EXPECT_FALSE(pacing.must_reset(0)) << "only more than that is too much";
  pacing.add(kStart, 1);
  EXPECT_EQ(pacing.ripe(kStart, 1), 0);
  EXPECT_TRUE(pacing.must_reset(1));
}

TEST(Pacing, ALimitCountsFromWhenItIsPutOn) {
  Pacing pacing = with({.stall_after = 100});
  pacing.add(kStart, 50);
  pacing.left(pacing.ripe(kStart, 50));
  pacing.set({.stall_after = 100, .reset_after = 10});
  pacing.add(kStart, 20);
  EXPECT_FALSE(pacing.must_reset(20)) << "nothing has passed since";
  EXPECT_EQ(pacing.ripe(kStart, 20), 10);
  pacing.left(10);
  EXPECT_TRUE(pacing.must_reset(10));
  // And the other goes on from where it was.
  pacing.set({.stall_after = 100});
  EXPECT_FALSE(pacing.must_reset(10));
  pacing.add(kStart, 40);
  EXPECT_EQ(pacing.ripe(kStart, 50), 40);
}

TEST(Pacing, WhatIsHeldAlreadyMayLeave) {
  Pacing pacing = with({.latency = milliseconds(50)}, 7);
  pacing.add(kStart, 10);
  EXPECT_EQ(pacing.ripe(kStart, 17), 7);
}

}  // namespace
}  // namespace mishap::traffic
