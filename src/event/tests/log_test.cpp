#include "mishap/event/log.h"

#include <thread>

#include <gtest/gtest.h>

#include "mishap/event/filter.h"

namespace mishap::event {
namespace {

Draft draft(std::string type, std::string service, std::vector<std::string> merges = {}) {
  Draft result;
  result.type = std::move(type);
  result.service = std::move(service);
  result.merges = std::move(merges);
  return result;
}

TEST(Log, NumbersAndClocks) {
  Log log;
  log.append(draft("step_send", "test"));
  log.append(draft("syscall", "db", {"test", "unknown", "db"}));
  log.append(draft("packet", "", {"db"}));
  log.append(draft("step_recv", "test", {"db"}));
  EXPECT_EQ(log.at(0).clock, (VectorClock{{"test", 1}}));
  EXPECT_EQ(log.at(1).clock, (VectorClock{{"db", 1}, {"test", 1}}));
  EXPECT_EQ(log.at(2).clock, VectorClock{});
  EXPECT_EQ(log.at(3).clock, (VectorClock{{"db", 1}, {"test", 2}}));
  EXPECT_EQ(log.size(), 4u);
  EXPECT_EQ(log.at(3).seq, 4u);
  EXPECT_TRUE(happens_before(log.at(0), log.at(1)));
  EXPECT_FALSE(happens_before(log.at(1), log.at(0)));
}

TEST(Log, WhoHasSeenAnEventComesAfterIt) {
  Log log;
  Draft send = draft("step_send", "test");
  send.seen_by = {"db"};
  log.append(std::move(send));
  const Event& sent = log.at(0);
  EXPECT_EQ(sent.clock, (VectorClock{{"test", 1}}));
  log.append(draft("syscall", "db"));
  EXPECT_TRUE(happens_before(sent, log.at(1)));
  log.append(draft("syscall", "cache"));
  EXPECT_FALSE(happens_before(sent, log.at(2)));
}

TEST(Log, WhoMayHaveLearntAnythingComesAfterAll) {
  Log log;
  log.append(draft("stdout", "db"));
  log.append(draft("stdout", "cache"));
  Draft connect = draft("syscall", "api");
  connect.merges_all = true;
  log.append(std::move(connect));
  EXPECT_EQ(log.at(2).clock, (VectorClock{{"api", 1}, {"cache", 1}, {"db", 1}}));
  EXPECT_TRUE(happens_before(log.at(0), log.at(2)));
  EXPECT_TRUE(happens_before(log.at(1), log.at(2)));
  log.append(draft("stdout", "db"));
  EXPECT_FALSE(happens_before(log.at(2), log.at(3)));
}

TEST(Log, AnEventOfASourceHappensAfterWhatItsServicesDid) {
  Log log;
  log.append(draft("syscall", "producer"));
  log.append(draft("syscall", "broker"));
  log.append(draft("topic", "broker", {"producer"}));
  EXPECT_TRUE(happens_before(log.at(0), log.at(2)));
  EXPECT_TRUE(happens_before(log.at(1), log.at(2)));
  EXPECT_FALSE(happens_before(log.at(0), log.at(1)));
}

TEST(Log, AnEventAfterEverybodyWhoHasNone) {
  // Every component of a's clock is no more than b's and one is less; one without a clock has
  // no component.
  Event nobody, somebody;
  somebody.clock = {{"db", 1}};
  EXPECT_TRUE(happens_before(nobody, somebody));
  EXPECT_FALSE(happens_before(somebody, nobody));
  EXPECT_FALSE(happens_before(nobody, nobody));
  EXPECT_FALSE(happens_before(somebody, somebody));
}

TEST(Log, BeginsAnew) {
  Log log;
  std::vector<uint64_t> seen;
  log.subscribe([&](const Event& event) { seen.push_back(event.seq); });
  log.append(draft("a", "db"));
  log.append(draft("b", "db"));
  const Event& second = log.at(1);
  auto old = log.restart([](const Draft& one) { return one.type != "noise"; });
  ASSERT_EQ(old.size(), 2u);
  EXPECT_EQ(&old[1], &second);
  EXPECT_EQ(log.size(), 0u);
  log.append(draft("noise", "db"));
  log.append(draft("c", "db"));
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log.at(0).type, "c");
  EXPECT_EQ(log.at(0).seq, 1u);
  EXPECT_EQ(log.at(0).clock, (VectorClock{{"db", 1}}));
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 1}));
  log.restart({});
  log.append(draft("noise", "db"));
  EXPECT_EQ(log.size(), 1u);
}

TEST(Log, SubscribersMayAppend) {
  Log log;
  std::vector<uint64_t> seen;
  log.subscribe([&](const Event& event) {
    seen.push_back(event.seq);
    if (event.type == "a") log.append(draft("b", "x"));
  });
  log.append(draft("a", "x"));
  log.append(draft("a", "x"));
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(log.at(1).type, "b");
}

TEST(Log, ManyThreadsOneOrder) {
  Log log;
  std::vector<uint64_t> seen;  // needs no lock: calls are never concurrent
  log.subscribe([&](const Event& event) { seen.push_back(event.seq); });
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&log, t] {
      for (int i = 0; i < 2000; ++i) log.append(draft("x", "s" + std::to_string(t)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(seen.size(), 8000u);
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], i + 1);
}

TEST(Log, WaitsForMore) {
  Log log;
  auto past = std::chrono::steady_clock::time_point{};
  EXPECT_FALSE(log.wait_beyond(0, past));
  std::thread writer([&] { log.append(draft("x", "s")); });
  EXPECT_TRUE(log.wait_beyond(0, std::chrono::steady_clock::time_point::max()));
  writer.join();
  EXPECT_GT(log.last_append(), past);
}

TEST(Log, HoldsAMillionEvents) {
  Log log;
  constexpr size_t kCount = 1'000'000;
  for (size_t i = 0; i < kCount; ++i) {
    Draft one = draft("syscall", i % 2 ? "db" : "api");
    one.fields = {{"syscall", "write"},
                  {"decision", i % 1000 ? "allow" : "deny(input/output error)"}};
    log.append(std::move(one));
  }
  const Filter filter{{{"service", "api"}, {"syscall", "write"}, {"decision", "deny*"}}};
  size_t found = 0;
  for (size_t i = 0; i < log.size(); ++i) found += filter.matches(log.at(i));
  EXPECT_EQ(found, 1000u);
}

}  // namespace
}  // namespace mishap::event
