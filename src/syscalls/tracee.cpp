#include "tracee.h"

#include <algorithm>
#include <bit>
#include <vector>

#include <sys/uio.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

namespace mishap::syscalls {
namespace {

size_t bytes_to_page_end(TraceePtr from) {
  static const auto page = uint64_t(sysconf(_SC_PAGESIZE));
  return size_t(page - uint64_t(from) % page);
}

ssize_t read_once(pid_t task, TraceePtr from, std::span<char> into) {
  iovec local{into.data(), into.size()};
  iovec remote{std::bit_cast<void*>(uint64_t(from)), into.size()};
  return process_vm_readv(task, &local, 1, &remote, 1, 0);
}

std::optional<std::vector<iovec>> read_parts(pid_t task, TraceePtr parts, uint64_t count) {
  if (count > IOV_MAX) return std::nullopt;
  std::vector<iovec> result(count);
  size_t bytes = count * sizeof(iovec);
  if (read_some(task, parts, {reinterpret_cast<char*>(result.data()), bytes}) != bytes) {
    return std::nullopt;
  }
  return result;
}

}  // namespace

size_t read_some(pid_t task, TraceePtr from, std::span<char> into) {
  size_t done = 0;
  while (done < into.size()) {
    std::span<char> rest = into.subspan(done);
    ssize_t got = read_once(task, from + done, rest);
    // A read that runs into an unmapped page may fail whole: take what is left of this page.
    if (got < 0 && errno == EFAULT && rest.size() > bytes_to_page_end(from + done)) {
      got = read_once(task, from + done, rest.first(bytes_to_page_end(from + done)));
    }
    if (got <= 0) break;
    done += size_t(got);
  }
  return done;
}

bool read_path(pid_t task, TraceePtr from, std::string& into) {
  // Most paths are short, and most strings do not end near the end of a page: one read of 256
  // bytes.
  size_t chunk = 256;
  into.clear();
  while (into.size() < PATH_MAX) {
    size_t start = into.size();
    size_t want =
        std::min(std::min(chunk, size_t(PATH_MAX) - start), bytes_to_page_end(from + start));
    into.resize(start + want);
    ssize_t got = read_once(task, from + start, {into.data() + start, want});
    if (got <= 0) return false;
    if (const void* end = memchr(into.data() + start, 0, size_t(got))) {
      into.resize(size_t(static_cast<const char*>(end) - into.data()));
      return true;
    }
    into.resize(start + size_t(got));
    chunk = PATH_MAX;
  }
  return false;
}

std::optional<SocketAddress> read_address(pid_t task, TraceePtr from, uint64_t length) {
  SocketAddress address;
  size_t wanted = size_t(std::min<uint64_t>(length, sizeof address.storage));
  if (wanted < sizeof(sa_family_t)) return std::nullopt;
  auto* bytes = reinterpret_cast<char*>(&address.storage);
  if (read_some(task, from, {bytes, wanted}) != wanted) return std::nullopt;
  address.length = socklen_t(wanted);
  return address;
}

std::optional<uint64_t> total_of_parts(pid_t task, TraceePtr parts, uint64_t count) {
  auto read = read_parts(task, parts, count);
  if (!read) return std::nullopt;
  uint64_t total = 0;
  for (const iovec& part : *read) total += std::min<uint64_t>(part.iov_len, SSIZE_MAX - total);
  return total;
}

std::string copy_buffer(pid_t task, TraceePtr from, uint64_t limit) {
  std::string bytes(limit, '\0');
  bytes.resize(read_some(task, from, bytes));
  return bytes;
}

std::string copy_parts(pid_t task, TraceePtr parts, uint64_t count, uint64_t limit) {
  std::string bytes;
  auto read = read_parts(task, parts, count);
  if (!read) return bytes;
  for (const iovec& part : *read) {
    uint64_t wanted = std::min<uint64_t>(part.iov_len, limit - bytes.size());
    std::string piece = copy_buffer(task, TraceePtr(uint64_t(part.iov_base)), wanted);
    bytes += piece;
    if (piece.size() < wanted || bytes.size() == limit) break;
  }
  return bytes;
}

}  // namespace mishap::syscalls
