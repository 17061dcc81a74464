#include "mishap/source/arrivals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mishap::source {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

traffic::Sighting seen(const std::string& type, const std::string& name,
                       std::chrono::milliseconds at) {
  event::Draft draft{.type = type, .service = "s"};
  draft.fields = {{"name", name}};
  return {std::move(draft), event::Timestamp() + at};
}

std::vector<std::string> names(const event::Log& log) {
  std::vector<std::string> out;
  out.reserve(log.size());
  for (size_t i = 0; i < log.size(); ++i) out.emplace_back(log.at(i).fields.get("name"));
  return out;
}

TEST(Arrivals, GoInTheOrderInWhichTheyHappened) {
  event::Log log;
  Arrivals arrivals(log, [](const auto&) {});
  arrivals.add({seen("wal", "row", 30ms)});
  arrivals.add({seen("topic", "message", 20ms)});
  arrivals.add({seen("wal", "first", 10ms), seen("wal", "of one transaction", 10ms)});
  arrivals.flush();
  EXPECT_THAT(names(log), ElementsAre("first", "of one transaction", "message", "row"));
}

TEST(Arrivals, SameTimesKeepTheOrderOfArrival) {
  event::Log log;
  Arrivals arrivals(log, [](const auto&) {});
  for (const char* name : {"a", "b", "c"}) arrivals.add({seen("topic", name, 10ms)});
  arrivals.flush();
  EXPECT_THAT(names(log), ElementsAre("a", "b", "c"));
}

TEST(Arrivals, GoByThemselvesOnceWhatMayHaveLedToThemIsThere) {
  event::Log log;
  std::vector<std::vector<std::string>> asked;
  Arrivals* self = nullptr;
  Arrivals arrivals(log, [&](const std::vector<std::string>& types) {
    asked.push_back(types);
    if (asked.size() == 1) self->add({seen("topic", "cause", 5ms)});
  });
  self = &arrivals;
  arrivals.add({seen("wal", "effect", 10ms)});
  ASSERT_TRUE(log.wait_beyond(1, std::chrono::steady_clock::now() + 10s));
  EXPECT_THAT(names(log), ElementsAre("cause", "effect"));
  ASSERT_FALSE(asked.empty());
  EXPECT_THAT(asked[0], ElementsAre("wal"));
}

TEST(Arrivals, MoreThatComesDoesNotHoldUpWhatIsThere) {
  event::Log log;
  Arrivals arrivals(log, [](const auto&) {});
  for (int i = 0; i < 1000; ++i) {
    arrivals.add({seen("topic", std::to_string(i), std::chrono::milliseconds(i))});
    if (i % 10 == 0) std::this_thread::sleep_for(1ms);
  }
  ASSERT_TRUE(log.wait_beyond(999, std::chrono::steady_clock::now() + 10s));
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(log.at(i).fields.get("name"), std::to_string(i));
}

}  // namespace
}  // namespace mishap::source
