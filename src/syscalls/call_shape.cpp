// Sources: the man pages of section 2. Path calls with two paths are known by the first, which is
// the one that exists.
#include "call_shape.h"

#include <unordered_map>

namespace mishap::syscalls {
namespace {

constexpr auto kOfFile = Change::of_file;
constexpr auto kAlways = Change::always;

// clang-format off
constexpr CallShape kShapes[] = {
    // Data into a descriptor.
    {.name = "write", .fd = 0, .change = kOfFile, .stores = Stores::buffer, .data = 1, .length = 2, .peer = PeerFrom::connection},
    {.name = "writev", .fd = 0, .change = kOfFile, .stores = Stores::parts, .data = 1, .length = 2, .peer = PeerFrom::connection},
    {.name = "pwrite64", .fd = 0, .change = kOfFile, .stores = Stores::buffer, .data = 1, .length = 2, .offset_from = Offset::argument, .offset = 3},
    {.name = "pwritev", .fd = 0, .change = kOfFile, .stores = Stores::parts, .data = 1, .length = 2, .offset_from = Offset::argument, .offset = 3},
    {.name = "pwritev2", .fd = 0, .change = kOfFile, .stores = Stores::parts, .data = 1, .length = 2, .offset_from = Offset::argument, .offset = 3, .flags = 5},
    {.name = "sendfile", .fd = 0, .change = kOfFile, .stores = Stores::copy, .length = 3, .source = 1, .source_offset = 2, .peer = PeerFrom::connection},
    {.name = "copy_file_range", .fd = 2, .change = kOfFile, .stores = Stores::copy, .length = 4, .offset_from = Offset::pointer, .offset = 3, .source = 0, .source_offset = 1},
    {.name = "splice", .fd = 2, .change = kOfFile, .stores = Stores::copy, .length = 4, .offset_from = Offset::pointer, .offset = 3, .source = 0, .source_offset = 1, .peer = PeerFrom::connection},
    {.name = "fallocate", .fd = 0, .change = kAlways, .stores = Stores::allocation, .data = 1, .length = 3, .offset_from = Offset::argument, .offset = 2},
    {.name = "ftruncate", .fd = 0, .change = kAlways, .stores = Stores::resize, .length = 1},
    // Data out of a descriptor, and what keeps a descriptor's file.
    {.name = "read", .fd = 0, .peer = PeerFrom::connection},
    {.name = "readv", .fd = 0, .peer = PeerFrom::connection},
    {.name = "pread64", .fd = 0}, {.name = "preadv", .fd = 0}, {.name = "preadv2", .fd = 0},
    {.name = "lseek", .fd = 0}, {.name = "close", .fd = 0}, {.name = "fsync", .fd = 0}, {.name = "fdatasync", .fd = 0},
    {.name = "sync_file_range", .fd = 0}, {.name = "syncfs", .fd = 0}, {.name = "fadvise64", .fd = 0}, {.name = "readahead", .fd = 0},
    {.name = "flock", .fd = 0}, {.name = "fcntl", .fd = 0}, {.name = "ioctl", .fd = 0}, {.name = "fstat", .fd = 0}, {.name = "fstatfs", .fd = 0},
    {.name = "getdents", .fd = 0}, {.name = "getdents64", .fd = 0}, {.name = "fchdir", .fd = 0}, {.name = "mmap", .fd = 4},
    {.name = "dup", .fd = 0}, {.name = "dup2", .fd = 0}, {.name = "dup3", .fd = 0}, {.name = "tee", .fd = 1}, {.name = "vmsplice", .fd = 0},
    {.name = "fchmod", .fd = 0, .change = kAlways}, {.name = "fchown", .fd = 0, .change = kAlways},
    {.name = "fsetxattr", .fd = 0, .change = kAlways}, {.name = "fremovexattr", .fd = 0, .change = kAlways}, {.name = "fgetxattr", .fd = 0},
    {.name = "epoll_wait", .fd = 0}, {.name = "epoll_pwait", .fd = 0}, {.name = "epoll_ctl", .fd = 0},
    // Sockets.
    {.name = "connect", .fd = 0, .peer = PeerFrom::address, .address = 1, .address_length = 2},
    {.name = "sendto", .fd = 0, .peer = PeerFrom::address, .address = 4, .address_length = 5},
    {.name = "sendmsg", .fd = 0, .peer = PeerFrom::message, .address = 1},
    {.name = "sendmmsg", .fd = 0, .peer = PeerFrom::message, .address = 1},
    {.name = "recvfrom", .fd = 0, .peer = PeerFrom::connection}, {.name = "recvmsg", .fd = 0, .peer = PeerFrom::connection},
    {.name = "recvmmsg", .fd = 0, .peer = PeerFrom::connection}, {.name = "shutdown", .fd = 0, .peer = PeerFrom::connection},
    {.name = "accept", .fd = 0}, {.name = "accept4", .fd = 0}, {.name = "bind", .fd = 0}, {.name = "listen", .fd = 0},
    {.name = "getsockopt", .fd = 0}, {.name = "setsockopt", .fd = 0}, {.name = "getsockname", .fd = 0}, {.name = "getpeername", .fd = 0},
    // Paths.
    {.name = "open", .path = 0, .change = Change::by_open_flags, .flags = 1},
    {.name = "creat", .path = 0, .change = kAlways},
    {.name = "openat", .directory = 0, .path = 1, .change = Change::by_open_flags, .flags = 2},
    {.name = "openat2", .directory = 0, .path = 1, .change = Change::by_open_flags},
    {.name = "truncate", .path = 0, .change = kAlways, .length = 1},
    {.name = "mkdir", .path = 0, .change = kAlways, .stores = Stores::directory},
    {.name = "mkdirat", .directory = 0, .path = 1, .change = kAlways, .stores = Stores::directory},
    {.name = "mknod", .path = 0, .change = kAlways}, {.name = "mknodat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "unlink", .path = 0, .change = kAlways}, {.name = "unlinkat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "rmdir", .path = 0, .change = kAlways},
    {.name = "rename", .path = 0, .change = kAlways}, {.name = "renameat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "renameat2", .directory = 0, .path = 1, .change = kAlways},
    {.name = "link", .path = 0, .change = kAlways}, {.name = "linkat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "symlink", .path = 1, .change = kAlways}, {.name = "symlinkat", .directory = 1, .path = 2, .change = kAlways},
    {.name = "chmod", .path = 0, .change = kAlways}, {.name = "fchmodat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "fchmodat2", .directory = 0, .path = 1, .change = kAlways},
    {.name = "chown", .path = 0, .change = kAlways}, {.name = "lchown", .path = 0, .change = kAlways},
    {.name = "fchownat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "utime", .path = 0, .change = kAlways}, {.name = "utimes", .path = 0, .change = kAlways},
    {.name = "utimensat", .directory = 0, .path = 1, .change = kAlways}, {.name = "futimesat", .directory = 0, .path = 1, .change = kAlways},
    {.name = "setxattr", .path = 0, .change = kAlways}, {.name = "lsetxattr", .path = 0, .change = kAlways},
    {.name = "removexattr", .path = 0, .change = kAlways}, {.name = "lremovexattr", .path = 0, .change = kAlways},
    {.name = "stat", .path = 0}, {.name = "lstat", .path = 0}, {.name = "newfstatat", .directory = 0, .path = 1},
    {.name = "fstatat", .directory = 0, .path = 1}, {.name = "statx", .directory = 0, .path = 1}, {.name = "statfs", .path = 0},
    {.name = "access", .path = 0}, {.name = "faccessat", .directory = 0, .path = 1}, {.name = "faccessat2", .directory = 0, .path = 1},
    {.name = "readlink", .path = 0}, {.name = "readlinkat", .directory = 0, .path = 1}, {.name = "getxattr", .path = 0},
    {.name = "lgetxattr", .path = 0}, {.name = "chdir", .path = 0}, {.name = "chroot", .path = 0},
    {.name = "execve", .path = 0}, {.name = "execveat", .directory = 0, .path = 1}, {.name = "inotify_add_watch", .path = 1},
};
// clang-format on

}  // namespace

const CallShape* shape_of(std::string_view name) {
  static const auto by_name = [] {
    std::unordered_map<std::string_view, const CallShape*> result;
    for (const CallShape& shape : kShapes) result.emplace(shape.name, &shape);
    return result;
  }();
  auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : found->second;
}

}  // namespace mishap::syscalls
