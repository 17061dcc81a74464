#include "notify.h"

#include <algorithm>

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

// Linux 6.6; not in the headers of older distributions.
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace mishap::syscalls {
namespace {

std::vector<uint64_t> words_for(size_t kernel_bytes, size_t our_bytes) {
  size_t bytes = std::max(kernel_bytes, our_bytes);
  return std::vector<uint64_t>((bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
}

}  // namespace

bool wake_synchronously(int listener) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) == 0;
}

Listener::Listener(UniqueFd fd, const seccomp_notif_sizes& sizes)
    : fd_(std::move(fd)),
      call_(words_for(sizes.seccomp_notif, sizeof(seccomp_notif))),
      response_(words_for(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp))) {}

Result<Listener> Listener::take(UniqueFd fd) {
  if (!fd) return fail("no seccomp listener was given", EBADF);
  seccomp_notif_sizes sizes{};
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) {
    return fail_errno("ask for the sizes of seccomp notifications");
  }
  wake_synchronously(fd.get());
  return Listener(std::move(fd), sizes);
}

Result<bool> Listener::receive() {
  // The kernel insists on zeroes.
  std::fill(call_.begin(), call_.end(), 0);
  if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, call_.data()) == 0) return true;
  if (errno == ENOENT || errno == EINTR) return false;
  return fail_errno("receive a seccomp notification");
}

const seccomp_notif& Listener::call() const {
  return *reinterpret_cast<const seccomp_notif*>(call_.data());
}

bool Listener::is_waiting(uint64_t id) const {
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

Result<bool> Listener::answer(uint64_t id, Reply reply) {
  auto& response = *reinterpret_cast<seccomp_notif_resp*>(response_.data());
  memset(&response, 0, sizeof response);
  response.id = id;
  switch (reply.kind) {
    case Reply::Kind::proceed:
      response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
    case Reply::Kind::value:
      response.val = reply.number;
      break;
    case Reply::Kind::error:
      response.error = -int(reply.number);
      break;
  }
  while (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, response_.data()) != 0) {
    if (errno == ENOENT) return false;
    if (errno != EINTR) return fail_errno("answer a seccomp notification");
  }
  return true;
}

}  // namespace mishap::syscalls
