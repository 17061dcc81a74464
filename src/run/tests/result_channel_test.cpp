#include "result_channel.h"

#include <gtest/gtest.h>

namespace mishap::run {
namespace {

event::TestResult sample(size_t events) {
  event::TestResult result;
  result.name = "test_buy";
  result.reason = "two\nlines";
  result.verdict = event::Verdict::failed;
  for (size_t i = 1; i <= events; ++i) {
    event::Event event;
    event.seq = i;
    event.type = event.event_type = "stdout";
    event.service = "api";
    event.fields = {{"raw", "line\n" + std::to_string(i)}};
    event.clock = {{"api", i}};
    result.events.push_back(std::move(event));
  }
  return result;
}

std::string written(const event::TestResult& result) {
  std::string bytes;
  EXPECT_TRUE(send_result(result, [&](std::string_view more) {
    bytes += more;
    return true;
  }));
  return bytes;
}

TEST(ResultChannel, WhatIsSentArrivesHoweverItIsCut) {
  auto result = sample(3);
  std::string bytes = written(result);
  for (size_t piece : {size_t(1), size_t(7), bytes.size()}) {
    ResultReader reader;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      EXPECT_FALSE(reader.done());
      reader.feed(std::string_view(bytes).substr(at, piece));
    }
    EXPECT_TRUE(reader.done());
    auto back = reader.take();
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(event::to_json(*back), event::to_json(result));
  }
}

TEST(ResultChannel, IsWrittenInPieces) {
  size_t pieces = 0, longest = 0;
  EXPECT_TRUE(send_result(sample(5000), [&](std::string_view more) {
    ++pieces;
    longest = std::max(longest, more.size());
    return true;
  }));
  EXPECT_GT(pieces, 5u);
  EXPECT_LT(longest, 100'000u);
  EXPECT_FALSE(send_result(sample(5000), [](std::string_view) { return false; }));
}

TEST(ResultChannel, AWorkerThatDiedHasNoResult) {
  std::string bytes = written(sample(2));
  ResultReader reader;
  reader.feed(std::string_view(bytes).substr(0, bytes.size() - 1));
  EXPECT_EQ(reader.take().error().message, "no result came");
  EXPECT_EQ(ResultReader().take().error().message, "no result came");
}

TEST(ResultChannel, SaysWhenItStartsAndWhenTheJobBelongsElsewhere) {
  std::string bytes;
  auto write = [&](std::string_view more) {
    bytes += more;
    return true;
  };
  ResultReader reader;
  EXPECT_FALSE(reader.started());
  EXPECT_TRUE(send_started(write));
  reader.feed(bytes);
  EXPECT_TRUE(reader.started());
  EXPECT_FALSE(reader.done());
  bytes.clear();
  EXPECT_TRUE(send_over("service \"db\" exited\nin test_a", write));
  reader.feed(bytes);
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(reader.over(), "service \"db\" exited in test_a");
}

TEST(ResultChannel, NonsenseIsNoResult) {
  ResultReader reader;
  reader.feed("event {\"seq\":0}\nresult {}\n");
  EXPECT_EQ(reader.take().error().message, "event: key \"seq\" must be a positive integer");
  ResultReader other;
  other.feed("hello\n" + written(sample(0)));
  EXPECT_EQ(other.take().error().message, "a line that is neither event nor result");
}

}  // namespace
}  // namespace mishap::run
