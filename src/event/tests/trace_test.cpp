#include "mishap/event/trace.h"

#include <gtest/gtest.h>

namespace mishap::event {
namespace {

void append(Log& log, std::string service, std::vector<std::string> merges = {}) {
  Draft draft;
  draft.type = "stdout";
  draft.service = std::move(service);
  draft.merges = std::move(merges);
  log.append(std::move(draft));
}

std::vector<uint64_t> numbers(const std::vector<const Event*>& events) {
  std::vector<uint64_t> found;
  found.reserve(events.size());
  for (const Event* event : events) found.push_back(event->seq);
  return found;
}

using Numbers = std::vector<uint64_t>;

TEST(Trace, RangesLeaveTheirEndsOut) {
  Log log;
  for (int i = 0; i < 5; ++i) append(log, "db");
  Trace trace{&log, 5};
  EXPECT_EQ(numbers(events_between(trace, &log.at(0), &log.at(3))), (Numbers{2, 3}));
  EXPECT_EQ(numbers(events_between(trace, nullptr, &log.at(2))), (Numbers{1, 2}));
  EXPECT_EQ(numbers(events_between(trace, &log.at(2), nullptr)), (Numbers{4, 5}));
  EXPECT_EQ(numbers(events_between(trace, &log.at(3), &log.at(0))), Numbers{});
  EXPECT_EQ(numbers(events_between({&log, 3}, &log.at(0), nullptr)), (Numbers{2, 3}));
  EXPECT_EQ(numbers(events_between({&log, 2}, &log.at(3), nullptr)), Numbers{});
  EXPECT_EQ(numbers(events_between({}, nullptr, nullptr)), Numbers{});
  Trace all{&log, Trace::kAll};
  append(log, "db");
  EXPECT_EQ(numbers(events_between(all, &log.at(3), nullptr)), (Numbers{5, 6}));
}

TEST(Trace, AChainHoldsWhatLedToAnEvent) {
  Log log;
  append(log, "db");
  append(log, "cache");
  append(log, "api", {"db"});
  append(log, "db");
  append(log, "api");
  Trace trace{&log, log.size()};
  EXPECT_EQ(numbers(causal_chain(trace, log.at(2))), (Numbers{1}));
  EXPECT_EQ(numbers(causal_chain(trace, log.at(4))), (Numbers{1, 3}));
  EXPECT_EQ(numbers(causal_chain(trace, log.at(1))), Numbers{});
}

TEST(MatchIndex, LooksAtEachEventOnce) {
  Log log;
  for (const char* service : {"db", "api", "db"}) append(log, service);
  MatchIndex index;
  size_t looks = 0;
  auto ask = [&](size_t count, const std::string& service) {
    auto found = index.find(log, count, service, [&](const Event& event) {
      ++looks;
      return event.service == service;
    });
    return numbers({found.begin(), found.end()});
  };
  EXPECT_EQ(ask(2, "db"), (Numbers{1}));
  EXPECT_EQ(ask(3, "db"), (Numbers{1, 3}));
  EXPECT_EQ(looks, 3u);
  EXPECT_EQ(ask(1, "db"), (Numbers{1}));
  EXPECT_EQ(ask(0, "db"), Numbers{});
  EXPECT_EQ(looks, 3u);
  EXPECT_EQ(ask(3, "api"), (Numbers{2}));
  for (int i = 0; i < 1000; ++i) ask(3, "nobody" + std::to_string(i));
  append(log, "api");
  EXPECT_EQ(ask(4, "api"), (Numbers{2, 4}));
}

TEST(Trace, TimeHasASign) {
  Event a, b;
  a.timestamp = Timestamp(std::chrono::seconds(10));
  b.timestamp = Timestamp(std::chrono::seconds(12));
  EXPECT_EQ(time_between(a, b), std::chrono::seconds(2));
  EXPECT_EQ(time_between(b, a), std::chrono::seconds(-2));
}

}  // namespace
}  // namespace mishap::event
