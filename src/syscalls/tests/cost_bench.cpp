// What supervision costs, against a bare loop over the same ioctls, in the same run. Prints
// nanoseconds per call.
#include <algorithm>
#include <thread>

#include <linux/seccomp.h>
#include <sys/ioctl.h>

#include <stdio.h>

#include "supervised.h"

namespace mishap::syscalls {
namespace {

constexpr int kRepeats = 5;

/// The least that answers a call.
void bare_loop(int listener) {
  ioctl(listener, SECCOMP_IOW(4, __u64), 1UL);  // synchronous wake-ups, as the supervisor has them
  seccomp_notif call;
  seccomp_notif_resp response;
  while (true) {
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
      if (errno == EINTR) continue;
      return;
    }
    response = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

/// Median of the series that the program noted.
long median_of(Launched& launched) {
  std::vector<long> values;
  for (int i = 0; i < launched.notes->count; ++i) values.push_back(launched.notes->notes[i].value);
  std::sort(values.begin(), values.end());
  return values.empty() ? -1 : values[values.size() / 2];
}

long bare(const char* call) {
  Launched launched = launch({.notify = {"getppid", "fsync"}}, "call_loop", {"20000", call});
  // The target ends by itself; a loop that is left in RECV then gets ENOENT.
  std::thread loop(bare_loop, launched.listener.get());
  waitpid(launched.pid, nullptr, 0);
  loop.join();
  return median_of(launched);
}

long supervised(const char* call, const std::vector<fault::SyscallRule>& rules, bool with_sink,
                const char* rounds = "20000") {
  Launched launched = launch({.notify = {"getppid", "fsync"}}, "call_loop", {rounds, call});
  SupervisorOptions options;
  options.service = "svc";
  options.decider = std::make_shared<fault::SyscallDecider>(1);
  if (!rules.empty()) options.decider->open(rules);
  size_t bytes = 0;
  if (with_sink) {
    options.sink = [&bytes](const SyscallEvent& event) {
      bytes += to_draft("svc", event).fields.size();
    };
  }
  auto supervisor = Supervisor::start(std::move(launched.listener), std::move(options)).value();
  waitpid(launched.pid, nullptr, 0);
  supervisor->stop();
  return median_of(launched);
}

long unsupervised() {
  Launched launched =
      launch({.notify = {}, .refuse_io_uring = false}, "call_loop", {"1000000", "other"});
  waitpid(launched.pid, nullptr, 0);
  return median_of(launched);
}

std::vector<fault::SyscallRule> rule_with_path() {
  fault::SyscallRule rule;
  rule.service = "svc";
  rule.action = fault::SyscallAction::deny;
  rule.error = EIO;
  rule.syscalls = {"fsync"};
  rule.path_glob = "/data/**";
  return {rule};
}

void print(const char* what, std::vector<long> values) {
  std::sort(values.begin(), values.end());
  printf("%-44s %6ld  (%ld-%ld)\n", what, values[values.size() / 2], values.front(), values.back());
}

}  // namespace
}  // namespace mishap::syscalls

int main() {
  using namespace mishap::syscalls;
  std::vector<long> bare_ns, plain_ns, sink_ns, bare_fd_ns, path_ns, other_ns, none_ns;
  for (int i = 0; i < kRepeats; ++i) {
    bare_ns.push_back(bare("getppid"));
    plain_ns.push_back(supervised("getppid", {}, false));
    sink_ns.push_back(supervised("getppid", {}, true));
    bare_fd_ns.push_back(bare("fd"));
    path_ns.push_back(supervised("fd", rule_with_path(), false));
    other_ns.push_back(supervised("other", {}, false, "1000000"));
    none_ns.push_back(unsupervised());
  }
  print("getppid, bare loop", bare_ns);
  print("getppid, supervisor", plain_ns);
  print("getppid, supervisor with events", sink_ns);
  print("fsync of a pipe, bare loop", bare_fd_ns);
  print("fsync of a pipe, supervisor, path resolved", path_ns);
  print("getuid, not listed", other_ns);
  print("getuid, filter that lists nothing", none_ns);
  return 0;
}
