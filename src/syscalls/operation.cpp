#include "operation.h"

#include <algorithm>
#include <filesystem>

#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>

#include "growth.h"
#include "tracee.h"

namespace mishap::syscalls {
namespace {

using fault::FdKinds;

constexpr std::string_view kDeletedMark = " (deleted)";
constexpr size_t kMostSockets = 4096;
constexpr uint64_t kMostBytesPerCall = 0x7ffff000;  // write(2): what one call transfers at most
constexpr uint64_t kSharedOffset =
    uint64_t(-1);  // pwritev2(2): -1 stands for the file's own offset

uint64_t argument(const seccomp_notif& call, int index) { return call.data.args[index]; }
int fd_argument(const seccomp_notif& call, int index) { return int(call.data.args[index]); }
TraceePtr pointer_argument(const seccomp_notif& call, int index) {
  return TraceePtr(call.data.args[index]);
}

bool opens_for_change(uint64_t flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

/// Links of open but unlinked files end in this; globs speak of the name that the file had.
void drop_deleted_mark(std::string& path) {
  if (path.ends_with(kDeletedMark)) path.resize(path.size() - kDeletedMark.size());
}

/// Bytes that a copying call can move at most: what it asks for, and what its source still has.
uint64_t copy_length(const Task& task, const seccomp_notif& call, const CallShape& shape) {
  uint64_t asked = argument(call, shape.length);
  int source = fd_argument(call, shape.source);
  auto facts = task.stat_fd(source);
  if (!facts || !S_ISREG(facts->st_mode)) return asked;
  std::optional<uint64_t> at;
  TraceePtr pointer = pointer_argument(call, shape.source_offset);
  if (pointer != TraceePtr::null) {
    at = read_value<uint64_t>(task.id(), pointer);
  } else if (auto position = task.position(source)) {
    at = position->offset;
  }
  if (!at) return asked;
  auto size = uint64_t(facts->st_size);
  return std::min(asked, size > *at ? size - *at : 0);
}

std::optional<uint64_t> stored_length(const Task& task, const seccomp_notif& call,
                                      const CallShape& shape) {
  switch (shape.stores) {
    case Stores::buffer:
      return std::min(argument(call, shape.length), kMostBytesPerCall);
    case Stores::allocation:
      return argument(call, shape.length);
    case Stores::copy:
      return std::min(copy_length(task, call, shape), kMostBytesPerCall);
    case Stores::parts: {
      auto total = total_of_parts(task.id(), pointer_argument(call, shape.data),
                                  argument(call, shape.length));
      if (total) total = std::min(*total, kMostBytesPerCall);
      return total;
    }
    default:
      return std::nullopt;
  }
}

/// Where the call starts to store. pwrite() to an O_APPEND file, which Linux appends, is taken at
/// its word.
std::optional<uint64_t> stored_offset(const Task& task, int fd, const seccomp_notif& call,
                                      const CallShape& shape, uint64_t file_size) {
  if (shape.offset_from == Offset::argument) {
    uint64_t offset = argument(call, shape.offset);
    bool positioned = shape.flags < 0 || offset != kSharedOffset;
    bool appends = shape.flags >= 0 && (argument(call, shape.flags) & RWF_APPEND) != 0;
    if (appends) return file_size;
    if (positioned) return offset;
  }
  if (shape.offset_from == Offset::pointer) {
    TraceePtr pointer = pointer_argument(call, shape.offset);
    if (pointer != TraceePtr::null) return read_value<uint64_t>(task.id(), pointer);
  }
  auto position = task.position(fd);
  if (!position) return std::nullopt;
  return (position->flags & O_APPEND) != 0 ? file_size : position->offset;
}

}  // namespace

void ResolvedCall::clear() {
  operation.syscall = {};
  operation.fd_kind = FdKinds::none;
  operation.path.reset();
  operation.path_unresolved = operation.changes_file_system = operation.grows_file =
      operation.needs_new_blocks = false;
  operation.writable_bytes = 0;
  operation.peer_service.clear();
  operation.peer_interface.clear();
  shown_path.clear();
  peer.clear();
  destination.reset();
  looked = false;
}

void Resolver::resolve(const seccomp_notif& call, const CallName& name, const fault::Needs& needs,
                       bool want_destination, ResolvedCall& into) {
  into.clear();
  into.operation.syscall = name.name;
  if (name.shape == nullptr) return;
  const CallShape& shape = *name.shape;
  into.operation.changes_file_system = shape.change == Change::always;
  into.operation.needs_new_blocks = shape.stores == Stores::directory;
  if (shape.path >= 0) {
    if (needs.path) resolve_path(call, shape, into);
    if (shape.change == Change::by_open_flags) {
      std::optional<uint64_t> flags;
      if (shape.flags >= 0) {
        flags = argument(call, shape.flags);
      } else {
        flags = read_value<uint64_t>(pid_t(call.pid), pointer_argument(call, 2));  // open_how.flags
        into.looked = true;
      }
      into.operation.changes_file_system = flags && opens_for_change(*flags);
    }
    return;
  }
  bool any = needs.fd_kind || needs.path || needs.growth || needs.peer;
  bool is_connect = name.name == "connect";
  if (is_connect) {
    if (any || want_destination) resolve_address(call, shape, into);
    return;
  }
  if (any) resolve_fd(call, shape, needs, into);
}

void Resolver::resolve_path(const seccomp_notif& call, const CallShape& shape, ResolvedCall& into) {
  auto id = pid_t(call.pid);
  into.looked = true;
  into.operation.path_unresolved = true;
  if (!read_path(id, pointer_argument(call, shape.path), into.shown_path)) {
    into.shown_path.clear();
    return;
  }
  if (into.shown_path.starts_with('/')) {
    into.operation.path = into.shown_path;
    into.operation.path_unresolved = false;
    return;
  }
  Task* task = tasks_.get(id);
  if (task != nullptr && !task->is_alive()) {
    tasks_.forget(id);
    task = tasks_.get(id);
  }
  if (task == nullptr) return;
  int directory = shape.directory >= 0 ? fd_argument(call, shape.directory) : AT_FDCWD;
  bool found =
      directory == AT_FDCWD ? task->link_of_cwd(scratch_) : task->link_of_fd(directory, scratch_);
  if (!found) return;
  if (!into.shown_path.empty()) scratch_.append("/").append(into.shown_path);
  into.operation.path = std::filesystem::path(scratch_).lexically_normal().string();
  into.operation.path_unresolved = false;
}

std::optional<Resolver::Target> Resolver::target_of(pid_t id, int fd) {
  Task* task = tasks_.get(id);
  if (task == nullptr) return std::nullopt;
  auto facts = task->stat_fd(fd);
  if (!facts && !task->is_alive()) {
    tasks_.forget(id);
    task = tasks_.get(id);
    if (task == nullptr) return std::nullopt;
    facts = task->stat_fd(fd);
  }
  if (!facts) return std::nullopt;
  return Target{task, *facts};
}

Resolver::SocketFacts& Resolver::socket_facts(Target& target, int fd) {
  auto known = sockets_.find(target.facts.st_ino);
  if (known != sockets_.end()) return known->second;
  if (sockets_.size() >= kMostSockets) sockets_.clear();
  SocketFacts facts;
  int domain = 0;
  socklen_t size = sizeof domain;
  UniqueFd copy = target.task->duplicate(fd);
  if (copy && getsockopt(copy.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0) {
    if (domain == AF_INET || domain == AF_INET6) facts.kind = FdKinds::socket;
    if (domain == AF_UNIX) facts.kind = FdKinds::unix_socket;
  }
  return sockets_.emplace(target.facts.st_ino, std::move(facts)).first->second;
}

FdKinds Resolver::kind_of(Target& target, int fd) {
  switch (target.facts.st_mode & S_IFMT) {
    case S_IFREG:
      return FdKinds::file;
    case S_IFDIR:
      return FdKinds::directory;
    case S_IFIFO:
      return FdKinds::pipe;
    case S_IFSOCK:
      return socket_facts(target, fd).kind;
    default:
      return FdKinds::other;
  }
}

void Resolver::resolve_fd(const seccomp_notif& call, const CallShape& shape,
                          const fault::Needs& needs, ResolvedCall& into) {
  int fd = fd_argument(call, shape.fd);
  if (fd < 0) return;  // an anonymous mmap, or a call that will fail by itself
  into.looked = true;
  bool path_alone = needs.path && !needs.fd_kind && !needs.growth && !needs.peer;
  if (path_alone && resolve_link(pid_t(call.pid), fd, into)) return;
  auto target = target_of(pid_t(call.pid), fd);
  if (!target) {
    into.operation.path_unresolved = true;
    return;
  }
  into.operation.fd_kind = kind_of(*target, fd);
  bool regular = into.operation.fd_kind == FdKinds::file;
  if (shape.change == Change::of_file) into.operation.changes_file_system = regular;
  if (needs.path) {
    if (target->task->link_of_fd(fd, into.shown_path)) {
      if (target->facts.st_nlink == 0) drop_deleted_mark(into.shown_path);
      into.operation.path = into.shown_path;
    } else {
      into.operation.path_unresolved = true;
    }
  }
  if (needs.growth && regular) resolve_growth(call, shape, *target, into);
  bool may_have_peer = shape.peer != PeerFrom::nowhere && into.operation.fd_kind == FdKinds::socket;
  if (needs.peer && may_have_peer) {
    resolve_address(call, shape, into);
    SocketFacts& facts = socket_facts(*target, fd);
    if (into.destination) return;
    if (!facts.peer_known) find_peer(*target, fd, facts);
    set_peer(facts.peer, into);
  }
}

/// The usual case in half the time: a rule with a path and no scope. An unlinked file, or a thread
/// that is not the one we knew, needs the whole way.
bool Resolver::resolve_link(pid_t id, int fd, ResolvedCall& into) {
  bool known = tasks_.knows(id);
  Task* task = tasks_.get(id);
  if (task == nullptr || !task->link_of_fd(fd, into.shown_path)) return false;
  if (into.shown_path.ends_with(kDeletedMark)) return false;
  into.operation.path = into.shown_path;
  into.looked = !known;
  return true;
}

void Resolver::find_peer(Target& target, int fd, SocketFacts& facts) {
  facts.peer.reset();
  SocketAddress remote;
  remote.length = sizeof remote.storage;
  UniqueFd copy = target.task->duplicate(fd);
  if (!copy || getpeername(copy.get(), remote.get(), &remote.length) != 0 || !peer_of_) return;
  facts.peer = peer_of_(remote.unmapped());
  // A datagram socket may be connected elsewhere at any time.
  int type = 0;
  socklen_t size = sizeof type;
  getsockopt(copy.get(), SOL_SOCKET, SO_TYPE, &type, &size);
  facts.peer_known = type == SOCK_STREAM;
}

void Resolver::remember_peer(ino_t socket, const SocketAddress& destination) {
  if (!peer_of_) return;
  if (sockets_.size() >= kMostSockets) sockets_.clear();
  sockets_[socket] = {FdKinds::socket, true, peer_of_(destination.unmapped())};
}

void Resolver::resolve_growth(const seccomp_notif& call, const CallShape& shape, Target& target,
                              ResolvedCall& into) {
  int fd = fd_argument(call, shape.fd);
  auto size = uint64_t(target.facts.st_size);
  if (shape.stores == Stores::resize) {
    into.operation.grows_file = argument(call, shape.length) > size;
    return;
  }
  auto length = stored_length(*target.task, call, shape);
  if (!length || *length == 0) return;
  auto offset = stored_offset(*target.task, fd, call, shape, size);
  if (!offset || *offset > uint64_t(INT64_MAX) - *length) return;

  Range range{*offset, *offset + *length};
  bool allocates = shape.stores == Stores::allocation;
  auto mode = allocates ? int(argument(call, shape.data)) : 0;
  constexpr int kFreesOrMoves =
      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE;
  if ((mode & kFreesOrMoves) != 0) return;
  into.operation.grows_file = range.end > size && (mode & FALLOC_FL_KEEP_SIZE) == 0;
  auto gap = first_byte_without_block(*target.task, fd, target.facts, range);
  if (!gap) return;
  into.operation.needs_new_blocks = true;
  // fallocate gives all or nothing, and a copying call is refused whole: its buffer is not ours to
  // cut.
  bool can_be_cut = shape.stores == Stores::buffer || shape.stores == Stores::parts;
  if (can_be_cut) into.operation.writable_bytes = *gap - range.begin;
}

void Resolver::resolve_address(const seccomp_notif& call, const CallShape& shape,
                               ResolvedCall& into) {
  auto id = pid_t(call.pid);
  if (shape.peer == PeerFrom::address && argument(call, shape.address) != 0) {
    into.looked = true;
    into.destination = read_address(id, pointer_argument(call, shape.address),
                                    argument(call, shape.address_length));
  }
  if (shape.peer == PeerFrom::message) {
    into.looked = true;
    // An array of mmsghdr starts with the msghdr of its first message.
    auto message = read_value<msghdr>(id, pointer_argument(call, shape.address));
    if (message && message->msg_name != nullptr) {
      into.destination =
          read_address(id, TraceePtr(uint64_t(message->msg_name)), message->msg_namelen);
    }
  }
  if (!into.destination) return;
  bool is_unix = into.destination->family() == AF_UNIX;
  bool is_inet = into.destination->is_inet();
  if (into.operation.fd_kind == FdKinds::none) {
    into.operation.fd_kind = is_unix   ? FdKinds::unix_socket
                             : is_inet ? FdKinds::socket
                                       : FdKinds::other;
  }
  if (is_inet && peer_of_) set_peer(peer_of_(into.destination->unmapped()), into);
}

void Resolver::set_peer(const std::optional<Peer>& peer, ResolvedCall& into) {
  if (!peer) return;
  into.operation.peer_service = peer->service;
  into.operation.peer_interface = peer->interface;
  into.peer.assign(peer->service).append(".").append(peer->interface);
}

}  // namespace mishap::syscalls
