// tail and poll.
#include <atomic>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/source/poll.h"
#include "mishap/source/tail.h"

namespace mishap::source {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What followers deliver, from whichever thread.
class Seen {
 public:
  std::function<void(std::vector<traffic::Sighting>)> deliver() {
    return [this](std::vector<traffic::Sighting> sightings) {
      std::lock_guard lock(mutex_);
      for (auto& sighting : sightings) drafts_.push_back(std::move(sighting.draft));
    };
  }
  std::vector<std::string> values(const std::string& field) const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    out.reserve(drafts_.size());
    for (const auto& draft : drafts_) out.emplace_back(draft.fields.get(field));
    return out;
  }
  event::Draft at(size_t index) const {
    std::lock_guard lock(mutex_);
    return drafts_.at(index);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<event::Draft> drafts_;
};

class Tail : public ::testing::Test {
 protected:
  void write(const std::string& text, std::ios::openmode mode = std::ios::app) {
    std::ofstream(path_, mode) << text;
  }
  std::unique_ptr<traffic::Follower> follow() {
    return follow_tail({"db", path_.string(), event::automatic_decoder(), seen_.deliver(),
                        [this](const Error& error) { problems_.push_back(error.message); }});
  }
  std::vector<std::string> lines(traffic::Follower& follower) {
    EXPECT_TRUE(follower.catch_up(net::Clock::now() + 5s));
    return seen_.values("raw");
  }

  const TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "log";
  Seen seen_;
  std::vector<std::string> problems_;
};

TEST_F(Tail, NewLinesOfAFileThatIsThere) {
  write("old\n");
  auto follower = follow();
  EXPECT_THAT(lines(*follower), IsEmpty());
  write("level=warn msg=slow\nhal");
  EXPECT_THAT(lines(*follower), ElementsAre("level=warn msg=slow"));
  EXPECT_EQ(seen_.at(0).type, "tail");
  EXPECT_EQ(seen_.at(0).service, "db");
  EXPECT_EQ(seen_.at(0).fields.get("path"), path_.string());
  EXPECT_EQ(seen_.at(0).fields.get("level"), "warn");
  write("f\n");
  EXPECT_THAT(lines(*follower), ElementsAre("level=warn msg=slow", "half"));
}

TEST_F(Tail, AFileThatAppearsLaterIsReadWhole) {
  auto follower = follow();
  EXPECT_THAT(lines(*follower), IsEmpty());
  write("first\n");
  EXPECT_THAT(lines(*follower), ElementsAre("first"));
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(Tail, ARotatedFileIsReadToItsEndAndThenTheNewOne) {
  write("");
  auto follower = follow();
  write("last of the old");
  std::filesystem::rename(path_, directory_.path() / "log.1");
  write("first of the new\n");
  EXPECT_THAT(lines(*follower), ElementsAre("last of the old", "first of the new"));
}

TEST_F(Tail, ATruncatedFileIsReadAnew) {
  write("one\ntwo\n");
  auto follower = follow();
  EXPECT_THAT(lines(*follower), IsEmpty());
  write("a\n", std::ios::trunc);
  EXPECT_THAT(lines(*follower), ElementsAre("a"));
}

TEST_F(Tail, WhatCannotBeReadIsReported) {
  std::filesystem::create_symlink("log", path_);
  auto follower = follow();
  EXPECT_THAT(lines(*follower), IsEmpty());
  EXPECT_THAT(problems_,
              ElementsAre("open " + path_.string() + ": Too many levels of symbolic links"));
}

PollRequest page_request(Seen& seen, std::function<Result<Page>(net::Deadline)> fetch) {
  PollRequest request{.service = "api", .url = "http://localhost:8080/status"};
  request.interval = 1h;
  request.fetch = std::move(fetch);
  request.deliver = seen.deliver();
  return request;
}

/// Of a follower that asks once and then waits for an hour.
void wait_for_first(const Seen& seen) {
  while (seen.values("url").empty()) std::this_thread::sleep_for(1ms);
}

TEST(Poll, AnAnswerIsASighting) {
  Seen seen;
  auto request = page_request(seen, [](net::Deadline) -> Result<Page> {
    return Page{200, "{\"ready\": true, \"jobs\": 3}"};
  });
  request.decoder = event::json_decoder();
  auto follower = follow_page(std::move(request));
  wait_for_first(seen);
  EXPECT_EQ(seen.at(0).type, "poll");
  EXPECT_EQ(seen.at(0).service, "api");
  EXPECT_EQ(seen.at(0).fields.get("url"), "http://localhost:8080/status");
  EXPECT_EQ(seen.at(0).fields.get("status"), "200");
  EXPECT_EQ(seen.at(0).fields.get("jobs"), "3");
  EXPECT_EQ(seen.at(0).data, (Json{{"ready", true}, {"jobs", 3}}));
}

TEST(Poll, WithoutADecoderTheBodyIsText) {
  Seen seen;
  auto follower = follow_page(page_request(
      seen, [](net::Deadline) -> Result<Page> { return Page{503, std::string(100000, 'x')}; }));
  wait_for_first(seen);
  EXPECT_EQ(seen.at(0).fields.get("status"), "503");
  EXPECT_EQ(seen.at(0).fields.get("body").size(), PollRequest::kLongestBody);
}

TEST(Poll, NoAnswerIsASightingToo) {
  Seen seen;
  auto follower = follow_page(
      page_request(seen, [](net::Deadline) -> Result<Page> { return fail("connection refused"); }));
  wait_for_first(seen);
  EXPECT_EQ(seen.at(0).fields.get("error"), "connection refused");
  EXPECT_EQ(seen.at(0).fields.find("status"), nullptr);
}

}  // namespace
}  // namespace mishap::source
