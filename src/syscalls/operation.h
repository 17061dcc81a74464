// From a stopped call to what people mean by it: which file, which kind of descriptor, which peer.
//
// Facts cost a few microseconds each, so only those that the open rules need are found out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include <linux/seccomp.h>

#include "mishap/fault/decider.h"
#include "mishap/syscalls/address.h"
#include "mishap/syscalls/supervisor.h"

#include "call_shape.h"
#include "task.h"

namespace mishap::syscalls {

/// A call of this architecture, by number.
struct CallName {
  std::string name;
  const CallShape* shape = nullptr;
};

/// What was found out. Reused from call to call, so that strings keep their storage.
struct ResolvedCall {
  fault::SyscallOperation operation;
  std::string shown_path;  ///< as events show it
  std::string peer;        ///< "service.interface"
  std::optional<SocketAddress> destination;
  /// Whether memory or /proc was read, so that the answer must check that the call still waits.
  bool looked = false;

  void clear();
};

/// One thread.
class Resolver {
 public:
  using PeerOf = std::function<std::optional<Peer>(const SocketAddress&)>;
  explicit Resolver(PeerOf peer_of) : peer_of_(std::move(peer_of)) {}

  /// `want_destination`: read the address of a connect() even when no rule needs it.
  void resolve(const seccomp_notif& call, const CallName& name, const fault::Needs& needs,
               bool want_destination, ResolvedCall& into);
  TaskCache& tasks() { return tasks_; }
  /// A connection that was redirected: its peer is who the program asked for, not the relay.
  void remember_peer(ino_t socket, const SocketAddress& destination);

 private:
  struct SocketFacts {
    fault::FdKinds kind = fault::FdKinds::other;
    bool peer_known = false;
    std::optional<Peer> peer;
  };
  struct Target {
    Task* task = nullptr;
    struct stat facts{};
  };
  void resolve_path(const seccomp_notif& call, const CallShape& shape, ResolvedCall& into);
  void resolve_fd(const seccomp_notif& call, const CallShape& shape, const fault::Needs& needs,
                  ResolvedCall& into);
  void resolve_growth(const seccomp_notif& call, const CallShape& shape, Target& target,
                      ResolvedCall& into);
  void resolve_address(const seccomp_notif& call, const CallShape& shape, ResolvedCall& into);
  void set_peer(const std::optional<Peer>& peer, ResolvedCall& into);
  std::optional<Target> target_of(pid_t id, int fd);
  bool resolve_link(pid_t id, int fd, ResolvedCall& into);
  void find_peer(Target& target, int fd, SocketFacts& facts);
  SocketFacts& socket_facts(Target& target, int fd);
  fault::FdKinds kind_of(Target& target, int fd);

  PeerOf peer_of_;
  TaskCache tasks_;
  // By inode: a socket keeps its family, and a connected one its peer, for as long as it lives.
  std::unordered_map<ino_t, SocketFacts> sockets_;
  std::string scratch_;
};

}  // namespace mishap::syscalls
