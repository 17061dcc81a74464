#include <algorithm>

#include <gmock/gmock.h>

#include "supervised.h"

namespace mishap::syscalls {
namespace {

using fault::SyscallAction;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;

TEST_F(SupervisedTest, EioReachesEveryDescriptor) {
  deny("write", "EIO");
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("-EIO", "-EIO", "-EIO", "-EIO"));
  EXPECT_THAT(decisions("write"), Each("deny(input/output error)"));
}

TEST_F(SupervisedTest, ScopesChooseTheKindOfDescriptor) {
  deny("write", "EIO").scope = fault::parse_scope({"file"}).value();
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("-EIO", "1", "1", "1"));
}

TEST_F(SupervisedTest, PipeScope) {
  deny("write", "EIO").scope = fault::parse_scope({"pipe"}).value();
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("1", "-EIO", "1", "1"));
}

TEST_F(SupervisedTest, NetworkErrorsReachSocketsOnly) {
  deny("write", "ECONNRESET");
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  auto all = results();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "1");
  EXPECT_EQ(all[1], "1");
  EXPECT_EQ(all[3], "-ECONNRESET");
}

TEST_F(SupervisedTest, WhatWorksForUsIsLetThroughUnseen) {
  deny("write", "EIO");
  works_for_us = true;
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("1", "1", "1", "1"));
  EXPECT_TRUE(events.empty());
}

TEST(ExemptProcesses, AreAddedAndRemoved) {
  ExemptProcesses processes;
  EXPECT_FALSE(processes.contains(7));
  processes.add(7);
  processes.add(8);
  processes.remove(7);
  EXPECT_FALSE(processes.contains(7));
  EXPECT_TRUE(processes.contains(8));
}

TEST_F(SupervisedTest, UnfaultedCallsAreEventsToo) {
  plan.notify = {"write"};
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("1", "1", "1", "1"));
  EXPECT_THAT(decisions("write"), ElementsAre("allow", "allow", "allow", "allow"));
  EXPECT_EQ(supervisor->answered_count(), 4u);
}

TEST_F(SupervisedTest, EventsCarryLabelErrnoAndPath) {
  deny("fsync", "EIO").declared.label = "bad disk";
  rule("getppid", SyscallAction::trace);
  std::string path = file("f", 6000);
  deny("fallocate", "EIO");
  EXPECT_EQ(run("full_allowed", {path, path}), 0);
  auto fsync = std::find_if(events.begin(), events.end(),
                            [](const Kept& e) { return e.syscall == "fsync"; });
  ASSERT_NE(fsync, events.end());
  EXPECT_EQ(fsync->decision, "deny(input/output error)");
  EXPECT_EQ(fsync->label, "bad disk");
  EXPECT_EQ(fsync->errno_name, "EIO");
  EXPECT_EQ(fsync->path, path);
}

TEST_F(SupervisedTest, DelaysAreTimers) {
  auto& slow = rule("getppid", SyscallAction::delay);
  slow.delay = std::chrono::milliseconds(20);
  EXPECT_EQ(run("timed_call", {"9"}), 0);
  std::vector<long> times;
  times.reserve(launched.notes->count);
  for (int i = 0; i < launched.notes->count; ++i) times.push_back(launched.notes->notes[i].value);
  ASSERT_EQ(times.size(), 9u);
  std::sort(times.begin(), times.end());
  EXPECT_GE(times.front(), 20'000'000);
  RecordProperty("median_overshoot_us", std::to_string((times[4] - 20'000'000) / 1000));
  printf("delay of 20 ms: +%ld us median, +%ld us worst\n", (times[4] - 20'000'000) / 1000,
         (times[8] - 20'000'000) / 1000);
  EXPECT_LT(times[4], 20'000'000 + 5'000'000);
  EXPECT_THAT(decisions("getppid"), Each("delay(20ms)"));
}

TEST_F(SupervisedTest, DelaysOfThreadsPassTogether) {
  auto& slow = rule("getppid", SyscallAction::delay);
  slow.delay = std::chrono::microseconds(200);
  deny("fsync", "EIO");
  auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run("threads"), 0);
  EXPECT_THAT(results(), ElementsAre("0", "0"));
  // 8 x 500 x 0.2 ms one after the other would be 0.8 s plus all else.
  printf("4000 delays of 0.2 ms in 8 threads: %ld ms\n",
         long(std::chrono::duration_cast<std::chrono::milliseconds>(
                  std::chrono::steady_clock::now() - begin)
                  .count()));
  EXPECT_EQ(decisions("getppid").size(), 8u * 500 + 1);
}

TEST_F(SupervisedTest, ThreadsCallAtOnce) {
  plan.notify = {"getppid"};
  deny("fsync", "EIO");
  EXPECT_EQ(run("threads"), 0);
  EXPECT_THAT(results(), ElementsAre("0", "0"));
}

TEST_F(SupervisedTest, SignalsDoNotBreakCalls) {
  plan.notify = {"getppid"};
  EXPECT_EQ(run("signals"), 0);
  EXPECT_THAT(results(), ElementsAre("0", "1"));
}

TEST_F(SupervisedTest, ChildrenAreSupervised) {
  deny("fsync", "EIO");
  EXPECT_EQ(run("children"), 0);
  EXPECT_THAT(results(), ElementsAre("-EIO", "-EIO"));
}

TEST_F(SupervisedTest, PathGlobsSeeResolvedPaths) {
  std::string path = file("data.db");
  deny("openat", "EACCES").path_glob = directory.string() + "/*.db";
  EXPECT_EQ(run("open_paths", {directory.string()}), 0);
  auto all = results();
  ASSERT_EQ(all.size(), 6u);
  all.erase(all.begin());
  EXPECT_THAT(all, ElementsAre("-EACCES", "-EACCES", "-EACCES", "-EACCES", "-EFAULT"));
  std::vector<std::string> denied;
  for (const Kept& event : events) {
    if (event.decision.starts_with("deny")) denied.push_back(event.path);
  }
  EXPECT_THAT(denied, ElementsAre(path, "data.db", "./x/../data.db", "data.db"));
}

TEST_F(SupervisedTest, SystemPathsAreLeftAlone) {
  deny("open", "EACCES");
  int status = run("write_kinds", {file("f")});
  EXPECT_THAT(decisions("openat"), Contains("allow (system path)"));
  EXPECT_NE(status, -SIGSEGV);
}

TEST_F(SupervisedTest, ATargetKilledInsideACallIsForgotten) {
  rule("fsync", SyscallAction::delay).delay = std::chrono::hours(1);
  plan.notify.push_back("getppid");
  EXPECT_EQ(run("killed_inside"), 0);
  EXPECT_THAT(results(), ElementsAre("0", "9", "1"));
}

TEST_F(SupervisedTest, StopLetsDelayedCallsGo) {
  plan.notify = {"fsync"};
  rule("getppid", SyscallAction::delay).delay = std::chrono::hours(1);
  start("held_call");
  // The program makes a notified fsync() only once its other thread is inside getppid().
  while (supervisor->answered_count() == 0) usleep(100);
  supervisor->stop();
  EXPECT_EQ(finish(), 0);
}

TEST_F(SupervisedTest, StopsWhileNothingHappens) {
  plan.notify = {"swapoff"};  // which it never calls
  start("held_call");         // which goes on for ever, as nothing holds its call
  usleep(20'000);             // the supervisor waits in the listener's call by then
  supervisor->stop();
  kill(launched.pid, SIGKILL);
  EXPECT_EQ(waitpid(launched.pid, nullptr, 0), launched.pid);
}

TEST_F(SupervisedTest, StopsAfterTheEndOfTheTarget) {
  plan.notify = {"getppid"};
  start("timed_call");
  EXPECT_EQ(waitpid(launched.pid, nullptr, 0), launched.pid);
  supervisor->stop();
}

TEST_F(SupervisedTest, IoUringIsRefusedAndSaid) {
  plan.notify = {"write"};
  EXPECT_EQ(run("io_uring"), 0);
  EXPECT_THAT(results(), ElementsAre("-ENOSYS"));
  EXPECT_THAT(decisions("io_uring_setup"), ElementsAre("deny(function not implemented)"));
}

TEST(Supervisor, RefusesToStartWithoutAListener) {
  auto started = Supervisor::start(UniqueFd(), {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "no seccomp listener was given");
}

TEST(SyscallEventDraft, HasTheFieldsOfTheFormat) {
  SyscallEvent event{.syscall = "write",
                     .pid = 7,
                     .decision = "delay(500ms)",
                     .path = "/data/f",
                     .latency = std::chrono::milliseconds(500),
                     .label = "slow",
                     .op = "persist",
                     .errno_name = "EIO",
                     .scope = "any",
                     .peer = "db.main"};
  event::Draft draft = to_draft("api", event);
  EXPECT_EQ(draft.type, "syscall");
  EXPECT_EQ(draft.service, "api");
  event::Fields expected = {
      {"syscall", "write"}, {"pid", "7"},          {"decision", "delay(500ms)"},
      {"path", "/data/f"},  {"latency_ms", "500"}, {"label", "slow"},
      {"op", "persist"},    {"errno", "EIO"},      {"scope", "any"},
      {"peer", "db.main"}};
  EXPECT_EQ(draft.fields, expected);
  EXPECT_EQ(to_draft("api", {.syscall = "read", .pid = 7, .decision = "allow"}).fields.size(), 3u);
}

TEST(SyscallEvents, WhoReachesOutMayHaveLearntAnything) {
  auto learns = [](const char* syscall, const char* decision) {
    return to_draft("api", {.syscall = syscall, .pid = 7, .decision = decision}).merges_all;
  };
  EXPECT_TRUE(learns("connect", "allow"));
  EXPECT_TRUE(learns("sendto", "trace"));
  EXPECT_TRUE(learns("connect", "delay(500ms)"));
  EXPECT_FALSE(learns("connect", "deny(connection refused)"));
  EXPECT_FALSE(learns("write", "allow"));
}

}  // namespace
}  // namespace mishap::syscalls
