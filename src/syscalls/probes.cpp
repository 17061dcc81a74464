#include "mishap/syscalls/probes.h"

#include <cerrno>
#include <csignal>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fmt/format.h>
#include <unistd.h>

#include "notify.h"

// Linux 5.19.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace mishap::syscalls {
namespace {

using sandbox::Probe;
using State = Probe::State;

constexpr unsigned kListener = SECCOMP_FILTER_FLAG_NEW_LISTENER;
constexpr unsigned kKillable = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

/// The errno values of what was tried; 0: it works.
struct Tried {
  int listener = 0;
  int synchronous = 0;
};

/// In a child: filters are for life.
Tried try_listener() {
  sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  sock_fprog program{1, allow};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kListener, &program);
  if (listener < 0) return {errno, errno};
  return {0, wake_synchronously(static_cast<int>(listener)) ? 0 : errno};
}

Result<Tried> in_child() {
  int fds[2];
  if (pipe(fds) != 0) return fail_errno("pipe");
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  pid_t child = fork();
  if (child < 0) return fail_errno("fork");
  if (child == 0) {
    Tried tried = try_listener();
    _exit(write(write_end.get(), &tried, sizeof tried) == sizeof tried ? 0 : 1);
  }
  write_end.reset();
  Tried tried;
  bool told = read(read_end.get(), &tried, sizeof tried) == sizeof tried;
  waitpid(child, nullptr, 0);
  if (!told) return fail("a child that tries seccomp died");
  return tried;
}

/// Flags are looked at before the filter: a kernel that knows them all says that a null pointer is
/// a bad address.
bool flags_are_known(unsigned flags) {
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) != 0 && errno == EFAULT;
}

Probe listener_probe(const Result<Tried>& tried) {
  Probe probe{.name = "seccomp notifications", .vital = true};
  if (tried && tried->listener == 0) return probe;
  probe.state = State::missing;
  std::string why = tried ? fail_errno("install a filter", tried->listener).value().message
                          : tried.error().message;
  probe.detail = why + ": no syscall can be faulted and no connection relayed";
  probe.remedy = "a kernel with CONFIG_SECCOMP_FILTER=y, 5.10 or later";
  if (tried && tried->listener == EBUSY) {
    probe.remedy =
        "one seccomp listener supervises this process already, and there can be no second: run "
        "mishap outside of what installed it";
  }
  return probe;
}

Probe killable_probe() {
  Probe probe{.name = "signals in supervised calls"};
  if (flags_are_known(kListener | kKillable)) return probe;
  probe.state = State::degraded;
  probe.detail =
      "no WAIT_KILLABLE_RECV: a signal that a service gets while one of its calls is looked at "
      "interrupts the call (EINTR), once";
  probe.remedy = "Linux 5.19 or later";
  return probe;
}

Probe synchronous_probe(const Result<Tried>& tried) {
  Probe probe{.name = "synchronous wake-ups"};
  if (tried && tried->synchronous == 0) return probe;
  probe.state = State::degraded;
  probe.detail = "no SYNC_WAKE_UP: supervised calls take longer";
  probe.remedy = "Linux 6.6 or later";
  return probe;
}

}  // namespace

std::vector<Probe> probe_notifications() {
  auto tried = in_child();
  return {listener_probe(tried), killable_probe(), synchronous_probe(tried)};
}

unsigned listener_flags() {
  static const bool killable = flags_are_known(kListener | kKillable);
  return killable ? kListener | kKillable : kListener;
}

std::string listener_shortcoming() {
  if ((listener_flags() & kKillable) != 0) return "";
  Probe probe = killable_probe();
  return probe.name + ": " + probe.detail;
}

}  // namespace mishap::syscalls
