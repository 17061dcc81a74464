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
  EXPECT_EQ(log.append(draft("step_send", "test")).clock, (VectorClock{{"test", 1}}));
  EXPECT_EQ(log.append(draft("syscall", "db", {"test", "unknown", "db"})).clock,
            (VectorClock{{"db", 1}, {"test", 1}}));
  EXPECT_EQ(log.append(draft("packet", "", {"db"})).clock, VectorClock{});
  EXPECT_EQ(log.append(draft("step_recv", "test", {"db"})).clock,
            (VectorClock{{"db", 1}, {"test", 2}}));
  EXPECT_EQ(log.size(), 4u);
  EXPECT_EQ(log.at(3).seq, 4u);
  EXPECT_TRUE(happens_before(log.at(0), log.at(1)));
  EXPECT_FALSE(happens_before(log.at(1), log.at(0)));
}

TEST(Log, WhoHasSeenAnEventComesAfterIt) {
  Log log;
  Draft send = draft("step_send", "test");
  send.seen_by = {"db"};
  const Event& sent = log.append(std::move(send));
  EXPECT_EQ(sent.clock, (VectorClock{{"test", 1}}));
  const Event& consequence = log.append(draft("syscall", "db"));
  EXPECT_TRUE(happens_before(sent, consequence));
  EXPECT_FALSE(happens_before(sent, log.append(draft("syscall", "cache"))));
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
