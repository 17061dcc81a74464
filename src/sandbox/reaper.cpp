#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include <sys/wait.h>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/check.h"
#include "mishap/sandbox/process.h"

#include "spawn.h"

namespace mishap::sandbox {

std::string ExitStatus::text() const {
  if (signal == 0) return fmt::format("exited with code {}", code);
  const char* name = sigabbrev_np(signal);
  if (name == nullptr) return fmt::format("was killed by signal {}", signal);
  return fmt::format("was killed by signal {} ({})", signal, name);
}

/// Race between a child's end and its registration: `spawn` holds the lock from before the fork
/// until the child is known, and the reaper looks a pid up under the same lock, so it cannot take a
/// child of ours for an orphan.
struct Reaper::Impl {
  struct Entry {
    std::function<void(ExitStatus)> on_exit;
    std::optional<ExitStatus> status;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::map<pid_t, Entry> children;  ///< guarded by mutex
  int running = 0;                  ///< children without a status, guarded by mutex
  uint64_t spawned = 0;             ///< guarded by mutex
  bool stopping = false;            ///< guarded by mutex
  std::thread thread;

  void run();
  bool wait_for_children();
  void settle(pid_t pid, ExitStatus status);
};

/// waitid says ECHILD at once when there is nothing to wait for. False: time to end.
bool Reaper::Impl::wait_for_children() {
  std::unique_lock lock(mutex);
  // A spawn may have come between ECHILD and here; then its child is waited for, or this returns
  // early once, which is harmless.
  uint64_t before = spawned;
  if (running > 0) return true;
  if (stopping) return false;
  changed.wait(lock, [&] { return stopping || spawned != before; });
  return true;
}

void Reaper::Impl::settle(pid_t pid, ExitStatus status) {
  std::unique_lock lock(mutex);
  auto found = children.find(pid);
  if (found == children.end() || found->second.status) return;  // an orphan of the cell
  auto on_exit = std::move(found->second.on_exit);
  lock.unlock();
  if (on_exit) on_exit(status);
  on_exit = nullptr;
  lock.lock();
  children.at(pid).status = status;
  --running;
  changed.notify_all();
}

void Reaper::Impl::run() {
  while (true) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED) != 0) {
      if (errno == EINTR) continue;
      MISHAP_CHECK(errno == ECHILD, "waitid: errno {}", errno);
      if (!wait_for_children()) return;
      continue;
    }
    ExitStatus status;
    (info.si_code == CLD_EXITED ? status.code : status.signal) = info.si_status;
    settle(info.si_pid, status);
    std::lock_guard lock(mutex);
    if (stopping && running == 0) return;
  }
}

Reaper::Reaper() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

Reaper::~Reaper() {
  pid_t last = -1;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
    for (const auto& [pid, entry] : impl_->children) {
      if (!entry.status) kill(-pid, SIGKILL);
    }
    impl_->changed.notify_all();
    // Orphans that live on would keep waitid from returning: one more child that ends at once wakes
    // it.
    int pidfd = -1;
    last = fork_with_pidfd(0, SIGCHLD, &pidfd);
    if (last == 0) _exit(0);
    if (pidfd >= 0) close(pidfd);
  }
  impl_->thread.join();
  if (last > 0) waitpid(last, nullptr, 0);  // unless the thread had it
}

Result<Child> Reaper::spawn(const SpawnRequest& request, std::function<void(ExitStatus)> on_exit) {
  std::lock_guard lock(impl_->mutex);
  pid_t failed_pid = 0;
  auto child = spawn_program(request, failed_pid);
  ++impl_->spawned;
  impl_->changed.notify_all();
  if (!child) {
    impl_->children.erase(
        failed_pid);  // an old status under a reused number; the child itself goes as an orphan
    return child;
  }
  impl_->children[child->pid] = {std::move(on_exit), std::nullopt};
  ++impl_->running;
  return child;
}

std::optional<ExitStatus> Reaper::wait(pid_t pid, Clock::time_point deadline) {
  std::unique_lock lock(impl_->mutex);
  auto known = [&] {
    auto found = impl_->children.find(pid);
    return found != impl_->children.end() && found->second.status;
  };
  if (!impl_->changed.wait_until(lock, deadline, known)) return std::nullopt;
  return impl_->children.at(pid).status;
}

bool Reaper::signal_group(pid_t pid, int signal) {
  MISHAP_CHECK(pid > 1, "pid {}", pid);
  return kill(-pid, signal) == 0;
}

ExitStatus Reaper::stop(pid_t pid, std::chrono::milliseconds grace) {
  return stop(pid, grace, SIGTERM);
}

ExitStatus Reaper::stop(pid_t pid, std::chrono::milliseconds grace, int first_signal) {
  {
    std::lock_guard lock(impl_->mutex);
    MISHAP_CHECK(impl_->children.contains(pid), "pid {} was not spawned here", pid);
  }
  auto status = wait(pid, Clock::now());
  if (!status) {
    signal_group(pid, first_signal);
    status = wait(pid, Clock::now() + grace);
  }
  // The leader may be gone and its group not. A number in use as a group is not given to a new
  // process, so this cannot hit anyone else as long as a member is left; with none left it fails,
  // short of a wrap of all pids meanwhile.
  signal_group(pid, SIGKILL);
  if (!status) status = wait(pid, Clock::time_point::max());
  return *status;
}

}  // namespace mishap::sandbox
