#include "mishap/sandbox/cell.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netdb.h>
#include <unistd.h>

#include "mishap/base/testing/temporary_directory.h"

#include "in_cell.h"

namespace mishap::sandbox {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}
bool put(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

class CellTest : public testing::Test {
 protected:
  void SetUp() override {
    if (auto works = can_unprivileged_userns(); !works) GTEST_SKIP() << works.error().message;
    options_.visible_paths = {directory_};
  }
  const TemporaryDirectory temporary_;
  const fs::path directory_ = temporary_.path();
  CellOptions options_;
};

TEST_F(CellTest, TheBodyIsPid1OfItsOwnNamespacesAndItsResultIsTheExitCode) {
  auto cell = spawn_cell(options_, [](CellEnvironment& environment) {
    return getpid() == 1 && getppid() == 0 && environment.uid == getuid() ? 42 : 1;
  });
  ASSERT_TRUE(cell) << cell.error().message;
  ASSERT_TRUE(cell->wait_ready());
  EXPECT_EQ(cell->wait(), (ExitStatus{42, 0}));
  EXPECT_EQ(cell->wait(), (ExitStatus{42, 0}));
}

TEST_F(CellTest, RunsAsAnOrdinaryUser) {
  EXPECT_NE(cell_user().uid, 0u);
  EXPECT_EQ(in_service(options_, "id -u; id -g; id -un >/dev/null && echo named"),
            fmt::format("{}\n{}\nnamed\n", cell_user().uid, cell_user().gid));
}

TEST_F(CellTest, LoopbackIsUpAndPort80IsFree) {
  EXPECT_EQ(in_cell(options_,
                    [](CellEnvironment&) {
                      int server = socket(AF_INET6, SOCK_STREAM, 0),
                          client = socket(AF_INET, SOCK_STREAM, 0);
                      sockaddr_in6 any{};
                      any.sin6_family = AF_INET6;
                      any.sin6_port = htons(80);
                      if (bind(server, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
                          listen(server, 1) != 0) {
                        return std::string("bind");
                      }
                      sockaddr_in local{};
                      local.sin_family = AF_INET;
                      local.sin_port = htons(80);
                      local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                      return std::string(
                          connect(client, reinterpret_cast<sockaddr*>(&local), sizeof local) == 0
                              ? "ok"
                              : "connect");
                    }),
            "ok");
  EXPECT_EQ(in_service(options_, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "0\n");
}

TEST_F(CellTest, NamesResolve) {
  options_.hosts = {{"db"}, {"api", "10.9.8.7"}};
  options_.hostname = "worker";
  EXPECT_EQ(in_service(options_,
                       "getent ahostsv4 db | head -n1 | cut -d' ' -f1; getent hosts api | cut -d' "
                       "' -f1; hostname"),
            "127.0.0.1\n10.9.8.7\nworker\n");
}

TEST_F(CellTest, WritesStayInside) {
  ASSERT_TRUE(put(directory_ / "seen", "before"));
  chmod(directory_.c_str(), 0777);
  chmod((directory_ / "seen").c_str(), 0666);
  std::string script = fmt::format(
      "cd {}; cat seen; echo changed >seen; cat seen; echo new >fresh; ls; "
      "echo x >/tmp/mine; echo x >/dev/shm/mine && ls /dev/shm",
      directory_.string());
  EXPECT_EQ(in_service(options_, script), "beforechanged\nfresh\nseen\nmine\n");
  EXPECT_EQ(slurp(directory_ / "seen"), "before");
  EXPECT_FALSE(fs::exists(directory_ / "fresh"));
  EXPECT_FALSE(fs::exists("/tmp/mine"));
}

TEST_F(CellTest, OtherFilesOfTmpAreHidden) {
  std::string other = testing::TempDir() + fmt::format("other{}", getpid());
  ASSERT_TRUE(put(other, "x"));
  EXPECT_EQ(in_service(options_, fmt::format("test -e {} || echo hidden; ls /tmp", other)),
            fmt::format("hidden\n{}\n", directory_.filename().string()));
  unlink(other.c_str());
}

TEST_F(CellTest, AnEmptyDirectoryOfTheHostIsOneHere) {
  std::vector<fs::path> candidates = {"/media", "/srv", "/mnt", "/opt", "/home", "/boot"};
  auto found = std::find_if(candidates.begin(), candidates.end(), [](const fs::path& path) {
    struct stat info{};
    return stat(path.c_str(), &info) == 0 && info.st_uid == 0 && (info.st_mode & 07777) == 0755 &&
           fs::is_empty(path);
  });
  ASSERT_NE(found, candidates.end()) << "this machine has none";
  EXPECT_EQ(in_service(options_,
                       fmt::format("stat -c %F,%a {0}; ls -A {0}; touch {0}/x", found->string())),
            fmt::format("directory,555\ntouch: cannot touch '{}/x': Permission denied\n",
                        found->string()));
}

TEST_F(CellTest, TheHostCannotBeHarmed) {
  std::string out =
      in_service(options_,
                 "for f in /etc/shadow /etc/hostname /etc/passwd /proc/sys/kernel/core_pattern "
                 "/proc/sys/vm/swappiness /dev/kmsg /proc/sysrq-trigger /sys/kernel/mm/ksm/run; do "
                 "test -e $f || continue; (echo x >>$f) 2>/dev/null && echo $f is writable; done; "
                 "mount -t tmpfs x /mnt 2>/dev/null && echo mounted; "
                 "umount /etc/hosts 2>/dev/null && echo uncovered; "
                 "mkdir /etc/evil 2>/dev/null && echo made /etc/evil; echo done");
  EXPECT_EQ(out, "done\n");
}

TEST_F(CellTest, OnlyTheCellsProcessesAreSeen) {
  // The shell lists /proc itself: the worker and the shell are all there is.
  EXPECT_EQ(in_service(options_, "set -- /proc/[0-9]*; echo $#; test -r /proc/1/exe || echo no"),
            "2\nno\n");
}

TEST_F(CellTest, KillingTheWorkerLeavesNothing) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  auto cell = spawn_cell(options_, [&](CellEnvironment&) {
    Reaper reaper;
    SpawnRequest request{
        .program = "sh",
        .arguments = {"-c", "setsid sleep 1000 & (sleep 1000 &) ; echo up; sleep 1000"},
        .environment = {"PATH=/usr/bin:/bin"}};
    request.output = write_end.get();
    if (!reaper.spawn(request)) return 1;
    while (true) pause();
  });
  ASSERT_TRUE(cell);
  write_end.reset();
  char buffer[8];
  ASSERT_EQ(read(read_end.get(), buffer, sizeof buffer), 3);
  cell->kill();
  EXPECT_EQ(cell->wait(), (ExitStatus{0, SIGKILL}));
  EXPECT_EQ(read(read_end.get(), buffer, sizeof buffer), 0);  // nobody holds the pipe any more
}

TEST_F(CellTest, TheCellDiesWithItsCoordinator) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  pid_t coordinator = fork();
  if (coordinator == 0) {
    auto cell = spawn_cell(options_, [&](CellEnvironment&) {
      if (write(write_end.get(), "up", 2) != 2) return 1;
      while (true) pause();
    });
    while (true) pause();
  }
  write_end.reset();
  char buffer[8];
  ASSERT_EQ(read(read_end.get(), buffer, sizeof buffer), 2);
  kill(coordinator, SIGKILL);
  EXPECT_EQ(read(read_end.get(), buffer, sizeof buffer), 0);
  waitpid(coordinator, nullptr, 0);
}

TEST_F(CellTest, AClonedDirectoryIsWritableAndPrivate) {
  fs::path lower = directory_ / "prepared";
  fs::create_directory(lower);
  ASSERT_TRUE(put(lower / "PG_VERSION", "15"));
  if (getuid() == 0) {
    ASSERT_EQ(chown(lower.c_str(), cell_user().uid, cell_user().gid), 0);
    ASSERT_EQ(chown((lower / "PG_VERSION").c_str(), cell_user().uid, cell_user().gid), 0);
  }
  chmod(lower.c_str(), 0700);
  options_.shared_paths = {{lower.string(), false}};
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& environment) {
                      auto cloned = environment.clone_directory(lower, "/tmp/data/pg");
                      if (!cloned) return cloned.error().message;
                      struct stat info{};
                      stat("/tmp/data/pg", &info);
                      std::string out = slurp("/tmp/data/pg/PG_VERSION") +
                                        fmt::format(" {:o}", info.st_mode & 0777);
                      out += put("/tmp/data/pg/PG_VERSION", "16") ? " written" : " refused";
                      return out + (put(lower / "x", "y") ? " lower is writable" : "");
                    }),
            "15 700 written");
  EXPECT_EQ(slurp(lower / "PG_VERSION"), "15");
  EXPECT_EQ(in_cell(options_,
                    [](CellEnvironment& environment) {
                      return environment.clone_directory("/nope", "/tmp/x").error().message;
                    }),
            "clone /nope: No such file or directory");
}

TEST_F(CellTest, WhatIsUnmountedCanBeClonedAnew) {
  fs::path lower = directory_ / "prepared";
  fs::create_directory(lower);
  fs::path keep = directory_ / "keep";
  if (getuid() == 0) {
    ASSERT_EQ(chown(lower.c_str(), cell_user().uid, cell_user().gid), 0);
  }
  options_.shared_paths = {{lower.string(), false}};
  auto twice = [&](CellEnvironment& environment) -> std::string {
    std::string out;
    for (int i = 0; i < 2; ++i) {
      auto cloned = environment.clone_directory(lower, "/tmp/data");
      if (!cloned) return cloned.error().message;
      out += fs::exists("/tmp/data/x") ? "old " : "new ";
      put("/tmp/data/x", "y");
      if (auto gone = environment.unmount("/tmp/data"); !gone) return gone.error().message;
    }
    if (auto nothing = environment.unmount("/tmp/data"); !nothing) return nothing.error().message;
    return out + (fs::exists("/tmp/data/x") ? "left" : "gone");
  };
  EXPECT_EQ(in_cell(options_, twice), "new new gone");
  fs::create_directory(keep);
  if (getuid() == 0) {
    ASSERT_EQ(chown(keep.c_str(), cell_user().uid, cell_user().gid), 0);
  }
  options_.keep_directory = keep;
  EXPECT_EQ(in_cell(options_, twice), "new new gone");
  EXPECT_TRUE(fs::exists(keep / "volumes/tmp/data/x"));
  EXPECT_TRUE(fs::exists(keep / "volumes.2/tmp/data/x"));
}

TEST_F(CellTest, AMountPointMayLieInSomebodyElsesDirectory) {
  EXPECT_EQ(in_cell(options_,
                    [](CellEnvironment& environment) -> std::string {
                      bool had = fs::exists("/var/lib/dpkg");
                      auto mounted = environment.mount_tmpfs("/var/lib/mishap-test/data", 0);
                      if (!mounted) return mounted.error().message;
                      if (fs::exists("/var/lib/dpkg") != had) return "its neighbours are gone";
                      return put("/var/lib/mishap-test/data/x", "y") ? "ok" : "not writable";
                    }),
            "ok");
  EXPECT_FALSE(fs::exists("/var/lib/mishap-test"));
}

TEST_F(CellTest, ATmpfsCanBeMadeFullAndHealed) {
  EXPECT_EQ(in_cell(options_,
                    [](CellEnvironment& environment) -> std::string {
                      if (!environment.mount_tmpfs("/tmp/disk", 1 << 20)) return "mount";
                      if (!put("/tmp/disk/a", std::string(8192, 'a'))) return "first write";
                      struct statvfs info{};
                      statvfs("/tmp/disk", &info);
                      uint64_t used = (info.f_blocks - info.f_bfree) * info.f_frsize;
                      if (!environment.resize_tmpfs("/tmp/disk", used)) return "resize";
                      if (put("/tmp/disk/b", std::string(8192, 'b'))) return "not full";
                      if (!environment.resize_tmpfs("/tmp/disk", 1 << 20)) return "heal";
                      if (!put("/tmp/disk/b", std::string(8192, 'b'))) return "not healed";
                      return environment.resize_tmpfs("/tmp/disk", 4096).error().message;
                    }),
            "resize /tmp/disk to 4096 bytes: Invalid argument");
}

TEST_F(CellTest, WhatIsKeptOutlivesTheCell) {
  fs::path keep = directory_ / "keep";
  fs::path project = directory_ / "project";
  fs::create_directory(keep);
  fs::create_directory(project);
  chmod(project.c_str(), 0777);
  options_.keep_directory = keep;
  EXPECT_EQ(in_service(options_, fmt::format("echo log >{0}/log; echo new >{1}/new; cat {0}/log",
                                             keep.string(), project.string())),
            "log\n");
  EXPECT_EQ(slurp(keep / "log"), "log\n");
  EXPECT_FALSE(fs::exists(project / "new"));
  bool found = false;
  for (const auto& entry :
       fs::recursive_directory_iterator(keep, fs::directory_options::skip_permission_denied)) {
    found = found || entry.path().filename() == "new";
  }
  EXPECT_FALSE(fs::exists(keep / ".work"));
  EXPECT_TRUE(found) << "no file named new under " << keep;
}

TEST_F(CellTest, OnlyWhatWasChangedIsKept) {
  fs::path keep = directory_ / "keep";
  fs::path project = directory_ / "project";
  fs::create_directory(keep);
  fs::create_directories(project / "untouched");
  fs::create_directories(project / "emptied" / "inner");
  fs::create_directory(project / "visited");
  for (const char* name : {"", "emptied", "emptied/inner", "visited"})
    chmod((project / name).c_str(), 0777);
  std::ofstream(project / "emptied/inner/file") << "x";
  options_.keep_directory = keep;
  EXPECT_EQ(in_service(options_, fmt::format("cd {} && mkdir made && rm -r emptied/inner && mkdir "
                                             "emptied/inner && touch visited/f && rm visited/f && "
                                             "mkdir visited/d && rmdir visited/d && echo done",
                                             project.string())),
            "done\n");
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(keep)) {
    if (fs::is_directory(entry.path()) && fs::is_empty(entry.path()))
      left.push_back(entry.path().filename());
  }
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{"inner", "made"})) << "below " << keep;
}

TEST_F(CellTest, WithoutOverlaysTmpIsStillPrivate) {
  options_.overlay = false;
  EXPECT_EQ(in_cell(options_,
                    [](CellEnvironment& environment) {
                      return fmt::format("{} {} {}", environment.overlay,
                                         environment.overlay_problem, put("/tmp/mine", "x"));
                    }),
            "false overlays were switched off true");
  EXPECT_FALSE(fs::exists("/tmp/mine"));
}

TEST_F(CellTest, TheWorkingDirectoryStays) {
  fs::path before = fs::current_path();
  fs::current_path(directory_);
  EXPECT_EQ(in_service(options_, "pwd"), directory_.string() + "\n");
  fs::current_path(before);
}

TEST_F(CellTest, RootsPrivateProjectIsReachableAndWritable) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  fs::path locked = directory_ / "locked";
  fs::path project = locked / "inner" / "project";
  fs::create_directories(project);
  ASSERT_TRUE(put(project / "spec.star", "hello"));
  ASSERT_TRUE(put(locked / "secret", "x"));
  chmod(directory_.c_str(), 0755);
  chmod(locked.c_str(), 0700);
  chmod((project / "spec.star").c_str(), 0600);
  options_.visible_paths = {project};
  std::string out = in_service(
      options_, fmt::format("cd {} && cat spec.star; echo more >>spec.star && cat spec.star; "
                            "echo y >new && ls; ls {}",
                            project.string(), locked.string()));
  EXPECT_EQ(out, "hellohellomore\nnew\nspec.star\ninner\n");
  EXPECT_EQ(slurp(project / "spec.star"), "hello");
}

TEST_F(CellTest, WhatRootsProjectSharesKeepsItsOwner) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  fs::path shared = directory_ / "cache";
  fs::create_directory(shared);
  ASSERT_TRUE(put(shared / "prepared", "mine"));
  for (const fs::path& path : {shared, shared / "prepared"}) {
    ASSERT_EQ(chown(path.c_str(), cell_user().uid, cell_user().gid), 0);
  }
  chmod((shared / "prepared").c_str(), 0600);
  options_.shared_paths = {{shared.string(), true}};
  EXPECT_EQ(in_service(options_, fmt::format("cat {0}/prepared; stat -c %u {0}; echo x >{0}/new",
                                             shared.string())),
            fmt::format("mine{}\n", cell_user().uid));
  EXPECT_EQ(slurp(shared / "new"), "x\n");
}

TEST_F(CellTest, ManyCellsLeaveNothingBehind) {
  auto mounts_before = slurp("/proc/self/mountinfo");
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(in_cell(options_, [](CellEnvironment&) { return "x"; }), "x");
  EXPECT_EQ(slurp("/proc/self/mountinfo"), mounts_before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

/// That they start and end is tested; what they cost is printed, for whoever changes it.
TEST_F(CellTest, CostOfAnEmptyCell) {
  using Clock = std::chrono::steady_clock;
  auto measure = [&](bool overlay, const char* name) {
    options_.overlay = overlay;
    std::vector<double> costs;
    for (int i = 0; i < 50; ++i) {
      auto start = Clock::now();
      auto cell = spawn_cell(options_, [](CellEnvironment&) { return 0; });
      ASSERT_TRUE(cell.has_value()) << cell.error().message;
      EXPECT_EQ(cell->wait(), ExitStatus{});
      costs.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
    std::sort(costs.begin(), costs.end());
    std::string text = fmt::format("{:.2f} ms (least {:.2f}, most {:.2f})", costs[25],
                                   costs.front(), costs.back());
    RecordProperty(name, text);
    fmt::print("{}: {}\n", name, text);
  };
  measure(true, "with_overlay");
  measure(false, "without_overlay");
  options_.networks = {"one"};
  measure(false, "with_one_network");
  options_.networks = {"one", "two", "three", "four", "five"};
  measure(false, "with_five_networks");
}

/// Overlays may lie on each other two deep.
TEST_F(CellTest, WhereAnOverlayIsRefusedADirectoryIsCopied) {
  fs::path lower = directory_ / "prepared";
  fs::create_directories(lower / "base");
  ASSERT_TRUE(put(lower / "base" / "1", "one"));
  chmod(directory_.c_str(), 0755);
  options_.overlay = false;
  EXPECT_EQ(in_cell(options_,
                    [&](CellEnvironment& environment) -> std::string {
                      auto once = environment.clone_directory(lower, "/tmp/once");
                      if (!once) return once.error().message;
                      auto twice = environment.clone_directory("/tmp/once", "/tmp/twice");
                      if (!twice) return twice.error().message;
                      auto copied = environment.clone_directory("/tmp/twice", "/tmp/copied");
                      if (!copied) return copied.error().message;
                      if (!put("/tmp/copied/base/1", "two")) return "not writable";
                      std::string mounts = slurp("/proc/self/mountinfo");
                      bool overlay =
                          mounts.find("/tmp/copied rw,nosuid,nodev,relatime - overlay") !=
                          std::string::npos;
                      return slurp("/tmp/copied/base/1") + slurp("/tmp/twice/base/1") +
                             (overlay ? " is an overlay" : "");
                    }),
            "twoone");
}

}  // namespace
}  // namespace mishap::sandbox
