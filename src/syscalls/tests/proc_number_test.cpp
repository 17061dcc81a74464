#include "proc_number.h"

#include <string>
#include <thread>

#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "mishap/sandbox/cell.h"

#include "task.h"

namespace mishap::syscalls {
namespace {

TEST(ProcNumber, TheLastNumberOfALineIsTheInnermost) {
  const std::string status = "Name:\tx\nNStgid:\t4711\t12\nPid:\t4711\nNSpid:\t4711\t 13\n";
  EXPECT_EQ(last_number(status, "NStgid:"), 12);
  EXPECT_EQ(last_number(status, "NSpid:"), 13);
  EXPECT_EQ(last_number(status, "Pid:"), 4711);
  EXPECT_EQ(last_number(status, "Uid:"), std::nullopt);
  EXPECT_EQ(last_number("Pid:\tnone\n", "Pid:"), std::nullopt);
}

TEST(ProcNumber, IsTheSameWhereProcIsOurs) { EXPECT_EQ(number_in_proc(getpid()), getpid()); }

/// A process and a thread with small numbers, while /proc is the one from outside.
int look_from_inside() {
  if (getpid() != 1) return 10;
  pid_t child = fork();
  if (child == 0) {
    if (chdir("/usr") != 0) _exit(1);
    while (true) pause();
  }
  std::string directory;
  for (int tries = 0; tries < 1000 && directory != "/usr"; ++tries) {
    auto task = Task::open(child);
    if (!task) return 11;
    task->link_of_cwd(directory);
    usleep(1000);
  }
  int result = directory == "/usr" ? 0 : 12;
  if (number_in_proc(child) == child) result = 13;
  std::thread([&] {
    auto id = static_cast<pid_t>(syscall(SYS_gettid));
    auto number = number_in_proc(id);
    if (!number || *number == id || *number == number_in_proc(1)) result = 14;
  }).join();
  if (number_in_proc(12345)) result = 15;
  kill(child, SIGKILL);
  return result;
}

TEST(ProcNumber, IsFoundWhereProcIsAnothers) {
  if (auto works = sandbox::can_unprivileged_userns(); !works) GTEST_SKIP();
  clone_args arguments{};
  arguments.flags = CLONE_NEWUSER | CLONE_NEWPID;
  arguments.exit_signal = SIGCHLD;
  pid_t outer = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  ASSERT_GE(outer, 0);
  if (outer == 0) _exit(look_from_inside());
  int status = 0;
  ASSERT_EQ(waitpid(outer, &status, 0), outer);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace mishap::syscalls
