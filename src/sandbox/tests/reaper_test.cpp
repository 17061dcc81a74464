#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <latch>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/sandbox/process.h"

namespace mishap::sandbox {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::vector<std::string> kEnvironment = {"PATH=/usr/local/bin:/usr/bin:/bin", "NAME=value"};

SpawnRequest shell(const std::string& script) {
  return {.program = "sh", .arguments = {"-c", script}, .environment = kEnvironment};
}

std::string read_all(const UniqueFd& fd) {
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t count; (count = read(fd.get(), buffer.data(), buffer.size())) > 0;) {
    out.append(buffer.data(), static_cast<size_t>(count));
  }
  return out;
}

class ReaperTest : public testing::Test {
 protected:
  ExitStatus ended(const Child& child) {
    auto status = reaper_.wait(child.pid, Reaper::Clock::now() + seconds(20));
    EXPECT_TRUE(status);
    return status.value_or(ExitStatus{-1, -1});
  }
  std::string error_of(const SpawnRequest& request) {
    auto child = reaper_.spawn(request);
    return child ? "it runs" : child.error().message;
  }
  Reaper reaper_;
};

TEST_F(ReaperTest, OutputComesThroughTwoPipes) {
  auto child = *reaper_.spawn(shell("echo out $NAME; echo err >&2; exit 3"));
  EXPECT_EQ(read_all(child.output), "out value\n");
  EXPECT_EQ(read_all(child.error), "err\n");
  EXPECT_EQ(ended(child), (ExitStatus{3, 0}));
}

TEST_F(ReaperTest, TheExitIsToldOnceToWhoeverSpawned) {
  std::latch told(1);
  ExitStatus seen;
  ASSERT_TRUE(reaper_.spawn(shell("kill -9 $$"), [&](ExitStatus status) {
    seen = status;
    told.count_down();
  }));
  told.wait();
  EXPECT_EQ(seen, (ExitStatus{0, SIGKILL}));
}

TEST(ExitStatus, Text) {
  EXPECT_EQ((ExitStatus{3, 0}.text()), "exited with code 3");
  EXPECT_EQ((ExitStatus{0, SIGSEGV}.text()), "was killed by signal 11 (SEGV)");
  EXPECT_EQ((ExitStatus{0, SIGRTMIN + 3}.text()), "was killed by signal 37");
  EXPECT_TRUE(ExitStatus{}.success());
}

TEST_F(ReaperTest, ErrorsSayWhatCouldNotBeDone) {
  SpawnRequest request{.program = "no-such-program", .environment = {"PATH=/bin:/usr/bin"}};
  EXPECT_EQ(error_of(request), "program no-such-program not found in PATH (/bin:/usr/bin)");
  request.program = "/no/such";
  EXPECT_EQ(error_of(request), "run /no/such: No such file or directory");
  request.program = "/etc";
  EXPECT_EQ(error_of(request), "run /etc: Permission denied");
  request.program = "";
  EXPECT_EQ(error_of(request), "the program's name is empty");
  request = shell("true");
  request.working_directory = "/no/where";
  EXPECT_EQ(error_of(request), "enter directory /no/where: No such file or directory");
  request = shell("true");
  request.prepare = [](void* argument) { return *static_cast<int*>(argument); };
  int refused = EBUSY;
  request.prepare_argument = &refused;
  EXPECT_EQ(error_of(request), "prepare to run /usr/bin/sh: Device or resource busy");
}

TEST_F(ReaperTest, AMissingInterpreterIsNamedAsSuch) {
  std::string path = testing::TempDir() + "script" + std::to_string(getpid());
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
  ASSERT_EQ(write(file.get(), "#!/no/such/shell\n", 17), 17);
  file.reset();
  EXPECT_EQ(error_of({.program = path}),
            "run " + path + ": the interpreter or loader that it names is missing");
  unlink(path.c_str());
}

TEST_F(ReaperTest, TheProgramStartsClean) {
  signal(SIGPIPE, SIG_IGN);
  UniqueFd leak(open("/dev/null", O_RDONLY));  // without close-on-exec, on purpose
  auto child = *reaper_.spawn(
      shell("ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0;"
            "grep -E 'SigIgn|SigBlk|CapEff|CapPrm|NoNewPrivs' /proc/self/status | tr -d '\\t'"));
  EXPECT_EQ(read_all(child.output),
            "0 1 2 3 /dev/null\n"
            "SigBlk:0000000000000000\nSigIgn:0000000000000000\n"
            "CapPrm:0000000000000000\nCapEff:0000000000000000\nNoNewPrivs:1\n");
  signal(SIGPIPE, SIG_DFL);
}

TEST_F(ReaperTest, BorrowedDescriptorsReplaceThePipes) {
  UniqueFd file(memfd_create("output", MFD_CLOEXEC));
  auto request = shell("echo both; echo too >&2");
  request.output = request.error = file.get();
  auto child = *reaper_.spawn(request);
  EXPECT_FALSE(child.output);
  ended(child);
  lseek(file.get(), 0, SEEK_SET);
  EXPECT_EQ(read_all(file), "both\ntoo\n");
}

TEST_F(ReaperTest, StopAsksThenForces) {
  auto polite = *reaper_.spawn(shell("trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done"));
  char byte;
  ASSERT_EQ(read(polite.output.get(), &byte, 1), 1);
  EXPECT_EQ(reaper_.stop(polite.pid, seconds(20)), (ExitStatus{7, 0}));

  auto stubborn = *reaper_.spawn(shell("trap '' TERM; echo up; while :; do sleep 0.01; done"));
  ASSERT_EQ(read(stubborn.output.get(), &byte, 1), 1);
  EXPECT_EQ(reaper_.stop(stubborn.pid, milliseconds(20)), (ExitStatus{0, SIGKILL}));
  // Once more is harmless and says the same.
  EXPECT_EQ(reaper_.stop(stubborn.pid, milliseconds(20)), (ExitStatus{0, SIGKILL}));
}

TEST_F(ReaperTest, StopReachesTheWholeGroup) {
  auto child = *reaper_.spawn(shell("sleep 1000 & echo up; exit 0"));
  EXPECT_EQ(ended(child), (ExitStatus{0, 0}));
  reaper_.stop(child.pid, milliseconds(0));
  EXPECT_EQ(read_all(child.output),
            "up\n");  // ends only when the sleep, which holds the pipe, is gone
}

TEST_F(ReaperTest, ManyAtOnce) {
  std::atomic<int> sum = 0;
  std::vector<pid_t> pids;
  for (int i = 0; i < 60; ++i) {
    auto request = shell("exit " + std::to_string(i));
    pids.push_back(reaper_.spawn(request, [&](ExitStatus status) { sum += status.code; })->pid);
  }
  for (pid_t pid : pids) EXPECT_TRUE(reaper_.wait(pid, Reaper::Clock::now() + seconds(20)));
  EXPECT_EQ(sum, 59 * 60 / 2);
}

TEST(Reaper, ItsEndIsTheEndOfItsChildren) {
  auto reaper = std::make_unique<Reaper>();
  std::atomic<int> killed = 0;
  auto child =
      *reaper->spawn(shell("sleep 1000; true"), [&](ExitStatus status) { killed = status.signal; });
  reaper.reset();
  EXPECT_EQ(killed, SIGKILL);
  EXPECT_EQ(read_all(child.output), "");
}

/// Notifies `number`, allows the rest.
std::array<sock_filter, 4> notify_filter(int number) {
  return {sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
          sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

bool let_one_pass(int listener) {
  pollfd ready{listener, POLLIN, 0};
  if (poll(&ready, 1, -1) != 1 || (ready.revents & POLLIN) == 0)
    return false;  // all its users are gone
  seccomp_notif notification{};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) return false;
  seccomp_notif_resp answer{};
  answer.id = notification.id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
}

TEST_F(ReaperTest, AFiltersListenerIsHandedOver) {
  auto filter = notify_filter(SYS_getppid);
  SpawnRequest request{.program = "sh", .arguments = {"-c", "exit 5"}, .environment = kEnvironment};
  request.seccomp_filter = filter;
  request.seccomp_flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  auto child = *reaper_.spawn(request);
  ASSERT_TRUE(child.listener);
  std::jthread supervisor([&] {
    while (let_one_pass(child.listener.get())) {
    }
  });
  EXPECT_EQ(ended(child), (ExitStatus{5, 0}));
}

TEST_F(ReaperTest, AFilterMayNotifyExecAndWrite) {
  auto filter = notify_filter(SYS_execve);
  auto request = shell("echo ran");
  request.seccomp_filter = filter;
  request.seccomp_flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  std::thread supervisor;
  request.on_listener = [&](UniqueFd listener, pid_t pid) {
    EXPECT_GT(pid, 0);
    supervisor = std::thread([listener = std::move(listener)] { let_one_pass(listener.get()); });
  };
  auto child = *reaper_.spawn(request);
  EXPECT_FALSE(child.listener);
  EXPECT_EQ(read_all(child.output), "ran\n");
  supervisor.join();

  auto write_filter = notify_filter(SYS_write);
  request.program = "/no/such";
  request.seccomp_filter = write_filter;
  request.on_listener = nullptr;
  EXPECT_EQ(error_of(request), "run /no/such: No such file or directory");
}

TEST_F(ReaperTest, ABadFilterSaysSo) {
  std::array<sock_filter, 1> filter = {sock_filter{0xffff, 0, 0, 0}};
  auto request = shell("true");
  request.seccomp_filter = filter;
  request.seccomp_flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  EXPECT_EQ(error_of(request), "install the seccomp filter: Invalid argument");
  std::vector<sock_filter> huge(5000, filter[0]);
  request.seccomp_filter = huge;
  EXPECT_EQ(error_of(request), "the seccomp filter has 5000 instructions, the kernel takes 4096");
}

TEST(FindProgram, LooksWhereExecWould) {
  EXPECT_EQ(*find_program("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(*find_program("./sh", ""), "./sh");
  EXPECT_FALSE(find_program("etc", "/"));
}

}  // namespace
}  // namespace mishap::sandbox
