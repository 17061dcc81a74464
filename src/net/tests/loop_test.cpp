#include "mishap/net/loop.h"

#include <algorithm>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <unistd.h>

#include "mishap/base/unique_fd.h"

namespace mishap::net {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::ElementsAre;

struct Pair {
  UniqueFd ours, theirs;
  Pair() {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    ours.reset(fds[0]);
    theirs.reset(fds[1]);
  }
};

class LoopTest : public testing::Test {
 protected:
  std::unique_ptr<Loop> loop_ = *Loop::create();
};

TEST_F(LoopTest, PostedTasksRunInOrderOnTheLoopsThread) {
  std::vector<int> seen;
  loop_->post([&] { seen.push_back(1); });
  loop_->post([&] {
    EXPECT_TRUE(loop_->in_loop_thread());
    seen.push_back(2);
    loop_->post([&] {
      seen.push_back(3);
      loop_->stop();
    });
  });
  EXPECT_FALSE(loop_->in_loop_thread());
  loop_->run();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST_F(LoopTest, PostFromManyThreadsLosesNothing) {
  constexpr int kThreads = 4, kEach = 2000;
  int count = 0;
  std::vector<std::jthread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        loop_->post([&] {
          if (++count == kThreads * kEach) loop_->stop();
        });
      }
    });
  }
  loop_->run();
  EXPECT_EQ(count, kThreads * kEach);
}

TEST_F(LoopTest, TimersFireInTheOrderOfTheirTimes) {
  std::vector<int> seen;
  auto now = Loop::Clock::now();
  Timer late = loop_->at(now + milliseconds(2), [&] {
    seen.push_back(3);
    loop_->stop();
  });
  Timer early = loop_->at(now + milliseconds(1), [&] { seen.push_back(2); });
  Timer past = loop_->at(now - milliseconds(1), [&] { seen.push_back(1); });
  Timer cancelled = loop_->at(now, [&] { seen.push_back(9); });
  EXPECT_TRUE(cancelled.armed());
  cancelled.cancel();
  EXPECT_FALSE(cancelled.armed());
  loop_->run();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_FALSE(late.armed());
}

TEST_F(LoopTest, AMovedTimerStaysArmedAndAnOverwrittenOneIsCancelled) {
  std::vector<int> seen;
  Timer timer = loop_->after(microseconds(100), [&] { seen.push_back(1); });
  Timer other = loop_->after(microseconds(200), [&] { seen.push_back(2); });
  timer = std::move(other);
  Timer end = loop_->after(milliseconds(1), [&] { loop_->stop(); });
  loop_->run();
  EXPECT_THAT(seen, ElementsAre(2));
}

TEST_F(LoopTest, ATimerIsNeverEarlyAndSeldomLate) {
  std::vector<microseconds> late;
  Timer timer;
  std::function<void()> next = [&] {
    auto due = Loop::Clock::now() + microseconds(300);
    timer = loop_->at(due, [&, due] {
      late.push_back(std::chrono::duration_cast<microseconds>(Loop::Clock::now() - due));
      EXPECT_GE(late.back().count(), 0);
      if (late.size() == 200) return loop_->stop();
      loop_->post(next);
    });
  };
  loop_->post(next);
  loop_->run();
  std::sort(late.begin(), late.end());
  RecordProperty("median_late_us", static_cast<int>(late[100].count()));
  // The kernel's default slack alone would be 50 µs; the bound leaves room for a loaded machine.
  EXPECT_LT(late[100].count(), 1000);
}

TEST_F(LoopTest, WatchReportsDataThenEndOfStream) {
  Pair pair;
  std::vector<std::string> seen;
  auto watch = *loop_->watch(pair.ours.get(), {.read = true}, [&](Readiness readiness) {
    EXPECT_TRUE(readiness.read);
    EXPECT_FALSE(readiness.write);
    char buffer[8];
    ssize_t count = read(pair.ours.get(), buffer, sizeof buffer);
    seen.emplace_back(buffer, static_cast<size_t>(count));
    if (count == 0) return loop_->stop();
    pair.theirs.reset();
  });
  EXPECT_EQ(write(pair.theirs.get(), "hi", 2), 2);
  loop_->run();
  EXPECT_THAT(seen, ElementsAre("hi", ""));
}

TEST_F(LoopTest, AnEmptyInterestIsSilentEvenOnHangup) {
  Pair pair;
  int calls = 0;
  auto watch = *loop_->watch(pair.ours.get(), {}, [&](Readiness readiness) {
    ++calls;
    EXPECT_TRUE(readiness.hangup);
    loop_->stop();
  });
  pair.theirs.reset();
  Timer later = loop_->after(milliseconds(1), [&] {
    EXPECT_EQ(calls, 0);
    watch.set({.write = true});
  });
  loop_->run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, ACallbackMayDestroyItsOwnWatchAndOthers) {
  Pair first, second;
  Watch one, two;
  int calls = 0;
  auto react = [&, held = std::make_shared<int>(7)](Readiness) {
    one.cancel();
    two.cancel();
    ++calls;
    EXPECT_EQ(*held, 7);  // this callback's own captures are still alive
    loop_->post([&] { loop_->stop(); });
  };
  one = *loop_->watch(first.ours.get(), {.write = true}, react);
  two = *loop_->watch(second.ours.get(), {.write = true}, react);
  loop_->run();
  EXPECT_EQ(calls, 1);
}

TEST_F(LoopTest, ARegularFileCannotBeWatched) {
  UniqueFd file(memfd_create("file", MFD_CLOEXEC));
  auto watch = loop_->watch(file.get(), {.read = true}, [](Readiness) {});
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().message,
            "watch descriptor " + std::to_string(file.get()) + ": Operation not permitted");
}

TEST_F(LoopTest, HandlesInsideUnrunTasksDieWithTheLoop) {
  Pair pair;
  auto watch =
      std::make_shared<Watch>(*loop_->watch(pair.ours.get(), {.read = true}, [](Readiness) {}));
  auto timer = std::make_shared<Timer>(loop_->after(std::chrono::hours(1), [watch] {}));
  loop_->post([timer] {});
  watch.reset();
  timer.reset();
  loop_.reset();
}

TEST_F(LoopTest, AStopBeforeRunMakesRunReturn) {
  loop_->stop();
  loop_->run();
  bool ran = false;
  loop_->post([&] {
    ran = true;
    loop_->stop();
  });
  loop_->run();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace mishap::net
