// A seccomp listener: receive a stopped call, answer it (seccomp_unotify(2)).
//
// The kernel's structures may grow; buffers have the sizes that the running kernel reports. ENOENT
// from any of the ioctls means that this one call is gone (its thread was killed): an ordinary
// outcome, never the end of the service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <linux/seccomp.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::syscalls {

/// What a stopped call is told.
struct Reply {
  enum class Kind { proceed, value, error } kind = Kind::proceed;
  int64_t number = 0;  ///< the value, or the positive errno

  static Reply proceed() { return {}; }
  static Reply value(int64_t value) { return {Kind::value, value}; }
  static Reply error(int errno_value) { return {Kind::error, errno_value}; }
};

/// Asks for wake-ups on the waker's processor (6.6). False, with errno: this kernel has none, and
/// goes on without.
bool wake_synchronously(int listener);

/// Owns the listener. One thread.
class Listener {
 public:
  /// Asks the kernel for its sizes and for synchronous wake-ups (6.6; older kernels go on without
  /// them).
  static Result<Listener> take(UniqueFd fd);

  int fd() const { return fd_.get(); }
  /// Waits for the next call. True: `call()` holds it; false: it vanished meanwhile, a signal came,
  /// or nobody is left to call (Linux 6.11; before that the wait goes on).
  Result<bool> receive();
  const seccomp_notif& call() const;
  /// Whether the call is still waiting. What was read of its memory or of /proc counts only when it
  /// is.
  bool is_waiting(uint64_t id) const;
  /// False: the call vanished.
  Result<bool> answer(uint64_t id, Reply reply);

 private:
  Listener(UniqueFd fd, const seccomp_notif_sizes& sizes);
  UniqueFd fd_;
  // 64-bit words, for the alignment of the structures inside.
  std::vector<uint64_t> call_;
  std::vector<uint64_t> response_;
};

}  // namespace mishap::syscalls
