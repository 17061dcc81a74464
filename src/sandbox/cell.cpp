#include "mishap/sandbox/cell.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "mishap/base/check.h"

#include "file_tree.h"
#include "host_access.h"
#include "kept_files.h"
#include "mounts.h"
#include "network.h"
#include "spawn.h"

namespace mishap::sandbox {
namespace {

constexpr uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;

/// What goes through the ready pipe: nothing but its end when all is well, else an errno and a
/// text.
void report(int pipe, const Error& error) {
  std::string bytes(sizeof error.code, '\0');
  std::memcpy(bytes.data(), &error.code, sizeof error.code);
  bytes += error.message;
  [[maybe_unused]] ssize_t written = write(pipe, bytes.data(), bytes.size());
}

Result<void> read_report(int pipe) {
  std::string bytes;
  char buffer[512];
  while (true) {
    ssize_t count = read(pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    bytes.append(buffer, static_cast<size_t>(count));
  }
  if (bytes.empty()) return {};
  Error error{"set up the cell", EIO};
  if (bytes.size() >= sizeof error.code) {
    std::memcpy(&error.code, bytes.data(), sizeof error.code);
    error.message = bytes.substr(sizeof error.code);
  }
  return fail(std::move(error));
}

Error last_error(std::string_view what) { return fail_errno(what).value(); }

Result<void> map_ids(CellUser user) {
  MISHAP_TRY(write_file("/proc/self/setgroups", "deny"));
  MISHAP_TRY(write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", user.uid)));
  return write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", user.gid));
}

Result<void> set_up(const CellOptions& options, CellUser user, CellEnvironment& environment) {
  MISHAP_TRY(map_ids(user));
  environment.uid = user.uid;
  environment.gid = user.gid;
  if (!options.keep_directory.empty()) {
    environment.keep.reset(
        open(options.keep_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!environment.keep) return fail_errno("open " + options.keep_directory);
  }
  std::string cwd(4096, '\0');
  if (getcwd(cwd.data(), cwd.size()) == nullptr) cwd = "/";
  cwd.resize(std::strlen(cwd.c_str()));
  MISHAP_TRY(set_up_loopback(options, environment));
  make_networks(options, environment);
  if (sethostname(options.hostname.data(), options.hostname.size()) != 0)
    return fail_errno("set the host name");
  MISHAP_TRY(enter_file_tree(options, environment));
  if (chdir(cwd.c_str()) != 0 && chdir("/") != 0) return fail_errno("enter /");
  return {};
}

/// Dies with the coordinator, whose end may have come before this was asked for.
void die_with(int coordinator_pidfd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd ended{coordinator_pidfd, POLLIN, 0};
  if (poll(&ended, 1, 0) == 1) _exit(kCellSetupFailed);
}

struct Launch {
  const CellOptions& options;
  const std::function<int(CellEnvironment&)>& body;
  CellUser user;
  UniqueFd coordinator, ready;
  CellEnvironment environment;
};

[[noreturn]] void run_cell(Launch& launch) {
  die_with(launch.coordinator.get());
  launch.coordinator.reset();
  auto done = set_up(launch.options, launch.user, launch.environment);
  if (!done) {
    report(launch.ready.get(), done.error());
    _exit(kCellSetupFailed);
  }
  launch.ready.reset();
  int code = launch.body(launch.environment);
  std::fflush(nullptr);
  _exit(code);
}

/// The step in between when root starts a cell; the cell becomes the coordinator's child, not this
/// process's.
[[noreturn]] void run_intermediate(Launch& launch, int pid_pipe) {
  die_with(launch.coordinator.get());
  auto give_up = [&](const Error& error) {
    report(launch.ready.get(), error);
    _exit(1);
  };
  if (auto done = make_paths_reachable(launch.options, launch.user); !done) give_up(done.error());
  if (auto done = become(launch.user); !done) give_up(done.error());
  int pidfd = -1;
  pid_t pid = fork_with_pidfd(kNamespaces | CLONE_PARENT, 0, &pidfd);
  if (pid == 0) {
    close(pid_pipe);
    run_cell(launch);
  }
  if (pid < 0) give_up(last_error(kMakeNamespaces));
  [[maybe_unused]] ssize_t written = write(pid_pipe, &pid, sizeof pid);
  _exit(0);
}

/// Runs the intermediate process to its end and takes the cell's pid from it; 0 when it failed.
Result<pid_t> launch_as_root(Launch& launch) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return fail_errno("pipe");
  UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
  int pidfd = -1;
  pid_t intermediate = fork_with_pidfd(0, SIGCHLD, &pidfd);
  if (intermediate == 0) run_intermediate(launch, write_end.get());
  if (intermediate < 0) return fail_errno(kMakeNamespaces);
  UniqueFd watch(pidfd);
  write_end.reset();
  pid_t pid = 0;
  ssize_t got = 0;
  while ((got = read(read_end.get(), &pid, sizeof pid)) < 0 && errno == EINTR) {
  }
  if (got != sizeof pid) pid = 0;
  while (waitpid(intermediate, nullptr, 0) < 0 && errno == EINTR) {
  }
  return pid;
}

/// Signals that a terminal sends to everybody in its foreground: the coordinator decides what they
/// mean. What is forked while this lives never gets them; programs start with an empty mask.
class TerminalSignalsBlocked {
 public:
  TerminalSignalsBlocked() {
    sigset_t terminal;
    sigemptyset(&terminal);
    for (int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) sigaddset(&terminal, signal);
    sigprocmask(SIG_BLOCK, &terminal, &before_);
  }
  ~TerminalSignalsBlocked() { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  TerminalSignalsBlocked(const TerminalSignalsBlocked&) = delete;
  TerminalSignalsBlocked& operator=(const TerminalSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

id_t number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  id_t number = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

CellUser cell_user() {
  if (geteuid() != 0) return {geteuid(), getegid()};
  id_t uid = number_from_environment("SUDO_UID");
  id_t gid = number_from_environment("SUDO_GID");
  if (uid != 0 && gid != 0) return {uid, gid};
  return {kRootlessUid, kRootlessUid};
}

Result<CellProcess> spawn_cell(const CellOptions& options,
                               const std::function<int(CellEnvironment&)>& body) {
  int pipe_fds[2];
  if (pipe2(pipe_fds, O_CLOEXEC) != 0) return fail_errno("pipe");
  CellProcess cell;
  cell.ready_.reset(pipe_fds[0]);
  cell.keep_directory_ = options.keep_directory;
  Launch launch{options, body, cell_user(), UniqueFd(), UniqueFd(pipe_fds[1]), CellEnvironment()};
  launch.environment.keep_directory_ = options.keep_directory;
  launch.coordinator.reset(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!launch.coordinator) return fail_errno("open a pidfd");
  std::fflush(nullptr);  // or the child would print it once more

  TerminalSignalsBlocked during_the_fork;
  if (geteuid() == 0) {
    MISHAP_ASSIGN(cell.pid_, launch_as_root(launch));
    if (cell.pid_ > 0) {
      cell.pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, cell.pid_, 0)));
    }
  } else {
    int pidfd = -1;
    pid_t pid = fork_with_pidfd(kNamespaces, SIGCHLD, &pidfd);
    if (pid == 0) run_cell(launch);
    if (pid < 0) return fail_errno(kMakeNamespaces);
    cell.pid_ = pid;
    cell.pidfd_.reset(pidfd);
  }
  launch.ready.reset();
  if (cell.pid_ != 0) return cell;
  MISHAP_TRY(read_report(cell.ready_.get()));
  return fail("start the cell: its launcher died", EIO);
}

CellProcess::CellProcess(CellProcess&& other) noexcept { *this = std::move(other); }

CellProcess& CellProcess::operator=(CellProcess&& other) noexcept {
  if (this == &other) return *this;
  destroy();
  pid_ = std::exchange(other.pid_, 0);
  pidfd_ = std::move(other.pidfd_);
  ready_ = std::move(other.ready_);
  status_ = std::exchange(other.status_, std::nullopt);
  keep_directory_ = std::move(other.keep_directory_);
  return *this;
}

Result<void> CellProcess::wait_ready() {
  MISHAP_CHECK(ready_.get() >= 0, "wait_ready may be called once");
  auto done = read_report(ready_.get());
  ready_.reset();
  if (!done) wait();
  return done;
}

ExitStatus CellProcess::wait() {
  MISHAP_CHECK(pid_ != 0, "no cell");
  if (status_) return *status_;
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) {
    MISHAP_CHECK(errno == EINTR, "waitid({}): errno {}", pid_, errno);
  }
  ExitStatus status;
  (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
  status_ = status;
  if (!keep_directory_.empty()) prune_kept_files(keep_directory_);
  return status;
}

void CellProcess::kill() {
  // Through the pidfd: after `wait` the number may be someone else's.
  if (pid_ != 0 && !status_) syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

void CellProcess::destroy() {
  if (pid_ == 0 || status_) return;
  kill();
  wait();
}

}  // namespace mishap::sandbox
