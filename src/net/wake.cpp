#include "mishap/net/wake.h"

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>

#include <unistd.h>

#include "mishap/base/check.h"

namespace mishap::net {

Wake::Wake() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MISHAP_CHECK(event_.get() >= 0, "eventfd: errno {}", errno);
}

void Wake::set() {
  uint64_t one = 1;
  // EAGAIN means that it is set already.
  [[maybe_unused]] ssize_t written = write(event_.get(), &one, sizeof one);
}

void Wake::clear() {
  uint64_t count = 0;
  [[maybe_unused]] ssize_t got = read(event_.get(), &count, sizeof count);
}

}  // namespace mishap::net
