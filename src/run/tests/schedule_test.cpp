#include "schedule.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace mishap::run {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

spec::TestInfo test(const std::string& name) { return {name, "test", "", "", {}}; }

std::string text(const Job& job) { return fmt::format("{}.{}", job.test.name, job.run); }

std::vector<std::string> texts(const std::vector<Job>& jobs) {
  std::vector<std::string> out;
  out.reserve(jobs.size());
  for (const auto& job : jobs) out.push_back(text(job));
  return out;
}

TEST(Schedule, GivesEachRunOfEachTest) {
  Schedule schedule({test("a"), test("b")}, 2);
  EXPECT_EQ(text(*schedule.next()), "a.0");
  EXPECT_THAT(texts(schedule.take_rest()), ElementsAre("a.1", "b.0", "b.1"));
  EXPECT_TRUE(schedule.empty());
  EXPECT_FALSE(schedule.next());
}

TEST(Schedule, RepeatingStopsAtTheFirstFailure) {
  Schedule schedule({test("a"), test("b")}, 3);
  EXPECT_EQ(text(*schedule.next()), "a.0");
  EXPECT_EQ(text(*schedule.next()), "a.1");
  schedule.not_passed("a");
  EXPECT_EQ(text(*schedule.next()), "b.0");
  schedule.not_passed("b");
  EXPECT_TRUE(schedule.empty());
  EXPECT_THAT(schedule.take_rest(), IsEmpty());
}

TEST(Schedule, WhatCouldNotBeRunComesFirstAgain) {
  Schedule schedule({test("a"), test("b")}, 1);
  Job job = *schedule.next();
  job.note = "why";
  schedule.put_back(job);
  EXPECT_EQ(schedule.next()->note, "why");
  EXPECT_EQ(text(*schedule.next()), "b.0");
}

}  // namespace
}  // namespace mishap::run
