// Starting, watching and ending the programs of a cell.
//
// A program is started by fork and exec from a worker that has many threads, so the child does
// nothing between the two but plain system calls. It runs without capabilities and with
// no_new_privs, in a process group of its own, with /dev/null as its input, two pipes as its
// output, default signals and no other descriptor.
//
// A seccomp filter with a listener needs one more step: the listener exists in the child first, and
// the child cannot send its number by any system call that its own filter might hand to the
// listener (it would wait for a supervisor that waits for it). So the number goes through a shared
// page and a futex, and the parent takes the descriptor with pidfd_getfd.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <linux/filter.h>
#include <sys/types.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::sandbox {

/// How a process ended: by itself with `code`, or by `signal` (0 when it was not).
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool operator==(const ExitStatus&) const = default;
  bool success() const { return code == 0 && signal == 0; }
  std::string text() const;  ///< "exited with code 3", "was killed by signal 9 (KILL)"
};

struct SpawnRequest {
  /// A path, or a name without '/' that is looked up in the PATH of `environment`.
  std::string program;
  std::vector<std::string> arguments;    ///< argv[1] and on
  std::vector<std::string> environment;  ///< "NAME=value", all of it
  std::string working_directory;         ///< empty: the worker's

  /// Descriptors that become 0, 1 and 2; borrowed for the call. Without them: /dev/null and two new
  /// pipes.
  std::optional<int> input, output, error;
  /// The program leads a session of its own, with the terminal that is its `input` as the
  /// controlling one. Otherwise it leads a process group of its own.
  bool controlling_terminal = false;

  /// A filter for the program and all it starts. Copied by the kernel; borrowed for the call.
  /// Empty: none.
  std::span<const sock_filter> seccomp_filter;
  /// Flags of seccomp(2), SECCOMP_SET_MODE_FILTER. With SECCOMP_FILTER_FLAG_NEW_LISTENER the
  /// listener is handed over.
  unsigned seccomp_flags = 0;
  /// Takes the listener while the child still waits before exec, so that a filter may notify execve
  /// itself. The pid is the child's. Runs on the calling thread. Without it the listener is in
  /// `Child::listener`.
  std::function<void(UniqueFd listener, pid_t pid)> on_listener;

  /// Enters this network namespace and this root directory first (a service from an image). -1 and
  /// empty: the worker's.
  int network_namespace = -1;
  std::string root_directory;
  /// A host name of its own (cut to what the kernel takes) and, when not empty, the content of its
  /// own /etc/hosts. Empty: the worker's. Needs a writable /dev/shm or /tmp in the cell.
  std::string host_name;
  std::string hosts;

  /// Runs in the child just before the filter and exec, with the capabilities gone.
  /// Async-signal-safe calls only; returns 0 or an errno, which fails the spawn. `prepare_argument`
  /// is passed through.
  int (*prepare)(void* argument) = nullptr;
  void* prepare_argument = nullptr;
};

struct Child {
  pid_t pid = 0;  ///< also its process group
  UniqueFd pidfd;
  UniqueFd output;  ///< read ends, blocking; none when the request named descriptors
  UniqueFd error;
  UniqueFd listener;  ///< of the filter, when it was asked for and `on_listener` was not given
};

/// Starts programs and reaps every child of this process, orphans of the cell included (the worker
/// is their pid 1). One per process; nothing else in the process may wait for children. All
/// functions may be called from any thread.
class Reaper {
 public:
  using Clock = std::chrono::steady_clock;

  Reaper();
  /// Kills the process groups that are left and waits for their leaders.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Returns once the program runs. `on_exit` is called once, on the reaper's thread, and must not
  /// block or destroy the reaper. Errors, with the errno as code: "program NAME not found in PATH",
  /// "run PATH: No such file or directory", "enter directory PATH: …", "install the seccomp filter:
  /// …".
  Result<Child> spawn(const SpawnRequest& request, std::function<void(ExitStatus)> on_exit = {});

  /// Waits for the exit of a process that `spawn` made; nothing when `deadline` passes first. The
  /// status stays known.
  std::optional<ExitStatus> wait(pid_t pid, Clock::time_point deadline);
  /// Sends `signal` to the process group of a child; false when the group has no process any more.
  bool signal_group(pid_t pid, int signal);
  /// SIGTERM to the group, SIGKILL to what is left after `grace`; returns once the leader is gone.
  /// At once when it already is.
  ExitStatus stop(pid_t pid, std::chrono::milliseconds grace, int first_signal);
  ExitStatus stop(pid_t pid, std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The path that `spawn` would run for `program` under this PATH. Error: "program NAME not found in
/// PATH (PATH)".
Result<std::string> find_program(const std::string& program, std::string_view path_variable);

}  // namespace mishap::sandbox
