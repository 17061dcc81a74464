// Redirecting a service's connect() to a relay, upstream first.
//
// The program's own address keeps working, whatever its source: env, config file, a broker's
// advertised listener. On a notified connect() of a TCP socket whose destination the router wants
// to see, the supervisor
//   1. dials the original destination itself, without blocking, from the service's own network.
//   Refused or unreachable: the call
//   continues untouched, and the
//      kernel gives the program the true error (so address fallbacks such as localhost = ::1 then
//      127.0.0.1 behave as ever);
//   2. connects the program's own socket to the relay instead, and
//   3. hands the dialled socket to the router under the source port of that connection, so the
//   relay, which finds the port by
//      getpeername() on what it accepted, knows who is calling and where to.
// The one visible difference: getpeername() in the program shows the relay's port. Unix sockets,
// UDP, and sockets that are already connected or connecting are left alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mishap/base/unique_fd.h"
#include "mishap/syscalls/address.h"

namespace mishap::syscalls {

/// Where a connection goes instead of its destination.
struct Route {
  /// The relay's listener, reachable from the service. Of the destination's family, or IPv4 for an
  /// IPv6 destination that is a mapped IPv4 address.
  SocketAddress relay;
  /// What the supervisor dials, when that is not the destination as the service wrote it.
  std::optional<SocketAddress> dial;
  /// Send the program to `relay` and dial nobody: `relay` is a socket that never answers (a
  /// partition). Not adopted.
  bool into_silence = false;
  /// The router's own name for the edge; comes back in the adoption.
  uint64_t edge = 0;
};

/// A connection that is now on its way to the relay.
struct Adoption {
  std::string consumer;
  uint64_t edge = 0;
  /// What the relay sees by getpeername(): AF_INET or AF_INET6 (IPv4 through a mapped address
  /// counts as AF_INET) and the port in host order. Unique at any one time; reused later.
  int family = 0;
  uint16_t source_port = 0;
  SocketAddress destination;  ///< as the program asked for it
  UniqueFd upstream;          ///< non-blocking, close-on-exec
  /// False when the destination had not answered in time and the program does not wait (a
  /// non-blocking socket): the dial goes on, and the relay learns the outcome from POLLOUT and
  /// SO_ERROR. A failure should reset the program's connection.
  bool upstream_connected = true;
};

/// Implemented by who owns the relays. Called on supervisor threads, several at once; must not
/// block.
class ConnectRouter {
 public:
  virtual ~ConnectRouter() = default;
  /// Nothing: leave this connection alone.
  virtual std::optional<Route> route(std::string_view consumer,
                                     const SocketAddress& destination) = 0;
  /// The relay may accept the connection before this call: it waits for the entry.
  virtual void adopt(Adoption adoption) = 0;
};

}  // namespace mishap::syscalls
