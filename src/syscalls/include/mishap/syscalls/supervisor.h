// The supervisor of one service: answers the calls that its filter (filter.h) stops.
//
// It owns one thread, which receives a notification, resolves it as far as the open rules need,
// asks the decider and answers. Nothing ever makes it wait: delays are timers and dials are
// non-blocking, so other threads of the service go on meanwhile. The service must die with its
// supervisor: once the listener is closed, its notified calls fail with ENOSYS.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"
#include "mishap/event/event.h"
#include "mishap/fault/decider.h"
#include "mishap/syscalls/address.h"
#include "mishap/syscalls/exempt.h"
#include "mishap/syscalls/redirect.h"

namespace mishap::syscalls {

/// One answered call. Views are valid during the sink's call only; "" means that there is nothing
/// to say.
struct SyscallEvent {
  std::string_view syscall;
  int pid = 0;                ///< the calling thread, in the supervisor's pid namespace
  std::string_view decision;  ///< "allow", "deny(input/output error)", "delay(500ms)", …
  std::string_view path;      ///< as the program passed it, or what the fd leads to
  Nanoseconds latency{0};     ///< of a delay: the one asked for
  std::string_view label, op, errno_name, scope;
  std::string_view peer;     ///< "service.interface" of a socket call, when known
  std::string_view address;  ///< "10.0.0.7:443": where a socket call is to go, when it says
};
/// The event as the log takes it: type `syscall`, fields syscall, pid, decision, path?,
/// latency_ms?, label?, op?, errno?, scope?, peer?, address?.
event::Draft to_draft(std::string_view service, const SyscallEvent& event);

/// Who listens at an address.
struct Peer {
  std::string service;
  std::string interface;
};

struct SupervisorOptions {
  std::string service;
  /// Shared by the cell, which opens windows in it, and by this supervisor, which may outlive the
  /// cell's interest by a moment.
  std::shared_ptr<fault::SyscallDecider> decider;
  /// Every answered call, on the supervisor's thread, just before the answer (so that the log has
  /// it before its consequences). Must be quick and must not call into the supervisor. May be
  /// empty.
  std::function<void(const SyscallEvent&)> sink;
  /// Called once, on the supervisor's thread, when it cannot go on although the service lives: a
  /// tool error, end the cell.
  std::function<void(Error)> on_failure;
  /// Maps a socket's remote address to a declared interface, for `to=` rules. Several threads at
  /// once. May be empty.
  std::function<std::optional<Peer>(const SocketAddress&)> peer_of;
  /// Where the service is, when it has a network namespace of its own: upstream connections are
  /// made from there. Borrowed until the supervisor stops. -1: where the supervisor is started.
  int network_namespace = -1;
  ConnectRouter* router =
      nullptr;  ///< not owned, outlives the supervisor; none: connections are never redirected
  /// Facts to find out even when no open rule needs them (a trace or an assertion reads the path of
  /// events, say).
  fault::Needs always;
  std::shared_ptr<const ExemptProcesses> exempt;  ///< null: none
};

/// Destroying it stops it. Any thread may call its functions, except its own callbacks.
class Supervisor {
 public:
  /// Takes the listener that the filter's installation gave. Errors: the listener is none, or no
  /// thread could be had.
  static Result<std::unique_ptr<Supervisor>> start(UniqueFd listener, SupervisorOptions options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Lets delayed calls go, closes the listener and joins the thread. For when the service is dead
  /// or about to be killed.
  void stop();

  /// Calls that a delay holds now; any thread.
  uint64_t held_count() const;
  /// Since the start; any thread.
  uint64_t answered_count() const;
  /// Calls whose caller was gone before the answer (killed, or the thread was torn down).
  uint64_t vanished_count() const;

 private:
  class Loop;
  explicit Supervisor(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace mishap::syscalls
