#include "mishap/base/unique_fd.h"

#include <cerrno>

#include <unistd.h>

namespace mishap {

void UniqueFd::reset(int fd) {
  int old = std::exchange(fd_, fd);
  if (old < 0 || old == fd) return;
  // Callers may be on their way to report the errno of something that failed before.
  int saved = errno;
  ::close(old);  // never retried: Linux frees the number even when close() is interrupted
  errno = saved;
}

}  // namespace mishap
