// The seccomp program of one service: which calls wake the supervisor, and nothing else.
//
// The program is fixed when the service starts and is inherited by everything it forks or executes,
// so it holds every call that any rule of the cell may name. A call outside the plan costs two
// loads and a binary search (about 10 ns), and nothing on kernels that cache always-allowed calls
// (5.11). Install it with no_new_privs set and with the flags of `listener_flags` (probes.h):
// without WAIT_KILLABLE_RECV (kernels before 5.19) any signal makes a notified call fail with
// EINTR. With it, one window is left: a signal that comes before the supervisor has received the
// call restarts it, or ends it with EINTR when the signal's handler was installed without
// SA_RESTART.
#pragma once

#include <string>
#include <vector>

#include <linux/filter.h>

#include "mishap/base/result.h"

namespace mishap::syscalls {

/// What a service's filter must let the supervisor see.
struct FilterPlan {
  /// Names of calls that are notified, families already expanded. Order and repetition do not
  /// matter.
  std::vector<std::string> notify;
  /// connect() is notified, and TCP fast open in sendto() and sendmsg() fails with EOPNOTSUPP, as
  /// it does where fast open is switched off: it would open a connection past connect().
  bool redirect_connects = false;
  /// io_uring_setup() is notified, and the supervisor answers ENOSYS so that programs fall back: a
  /// ring would bypass every rule.
  bool refuse_io_uring = true;

  /// Nothing to supervise: start the service without a filter, at native speed.
  bool empty() const { return notify.empty() && !redirect_connects; }
};

/// The program for this machine's architecture. Calls of another architecture (32-bit, x32) fail
/// with ENOSYS because the numbers mean other calls there. Error: `unknown syscall "wrte"`, with
/// the nearest name.
Result<std::vector<sock_filter>> compile_filter(const FilterPlan& plan);

}  // namespace mishap::syscalls
