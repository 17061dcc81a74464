#include "short_write.h"

#include <sys/uio.h>

#include <errno.h>
#include <unistd.h>

#include "tracee.h"

namespace mishap::syscalls {
namespace {

std::string copy_data(const Task& task, const seccomp_notif& call, const CallShape& shape,
                      uint64_t limit) {
  auto data = TraceePtr(call.data.args[shape.data]);
  if (shape.stores == Stores::parts) {
    return copy_parts(task.id(), data, call.data.args[shape.length], limit);
  }
  return copy_buffer(task.id(), data, limit);
}

ssize_t store(int fd, const seccomp_notif& call, const CallShape& shape, std::string& bytes) {
  if (shape.offset_from != Offset::argument) return write(fd, bytes.data(), bytes.size());
  auto offset = off_t(call.data.args[shape.offset]);
  if (shape.flags < 0) return pwrite(fd, bytes.data(), bytes.size(), offset);
  iovec part{bytes.data(), bytes.size()};
  return pwritev2(fd, &part, 1, offset, int(call.data.args[shape.flags]));
}

}  // namespace

Reply write_part(Task& task, const seccomp_notif& call, const CallShape& shape, uint64_t allowed) {
  UniqueFd fd = task.duplicate(int(call.data.args[shape.fd]));
  if (!fd) return Reply::error(EBADF);
  std::string bytes = copy_data(task, call, shape, allowed);
  if (bytes.empty()) return Reply::error(EFAULT);
  ssize_t written = store(fd.get(), call, shape, bytes);
  return written < 0 ? Reply::error(errno) : Reply::value(written);
}

}  // namespace mishap::syscalls
