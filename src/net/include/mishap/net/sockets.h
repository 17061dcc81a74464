// Non-blocking sockets and their addresses, as relays, supervisors and clients need them. Every
// descriptor made here is close-on-exec and non-blocking. No function keeps state: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::net {

/// An IPv4, IPv6 or Unix socket address.
class Address {
 public:
  Address() = default;  ///< AF_UNSPEC
  static Address loopback_v4(uint16_t port);
  static Address loopback_v6(uint16_t port);
  /// A numeric IPv4 or IPv6 host without brackets; nothing when `host` is a name.
  static std::optional<Address> numeric(const std::string& host, uint16_t port);
  /// "/path" or "@abstract". Error: "socket path … is longer than 107 bytes".
  static Result<Address> unix_path(const std::string& path);
  /// Copies; nothing when the family is none of the three or `length` is too short for it.
  static std::optional<Address> from(const sockaddr* address, socklen_t length);

  int family() const { return storage_.ss_family; }
  uint16_t port() const;  ///< 0 for Unix sockets
  void set_port(uint16_t port);
  /// ::ffff:a.b.c.d becomes a.b.c.d; anything else is returned as it is.
  Address without_v4_mapping() const;
  /// Whether a connect() there stays on this host's loopback: 127.0.0.0/8, ::1, and the unspecified
  /// address, which Linux takes for it.
  bool is_loopback() const;
  std::string host() const;  ///< "127.0.0.1", "::1", the path
  std::string text() const;  ///< "127.0.0.1:80", "[::1]:80", the path

  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t length() const { return length_; }
  bool operator==(const Address& other) const;

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

/// A listening TCP or Unix socket with SO_REUSEADDR. Port 0 picks a free one (see `local_address`).
/// Error: "listen on 127.0.0.1:80: Address already in use".
Result<UniqueFd> listen_on(const Address& address, int backlog = 4096);
/// One listener for 127.0.0.1 and ::1: bound to [::] with V6ONLY off, or to 127.0.0.1 where IPv6 is
/// missing. It accepts from every interface, so it belongs inside a cell's own network namespace,
/// which has none but loopback.
Result<UniqueFd> listen_both_families(uint16_t port, int backlog = 4096);

/// The next waiting connection; nothing when none waits or the one that did is gone. The peer's
/// address has no v4 mapping.
struct Accepted {
  UniqueFd fd;
  Address peer;
};
Result<std::optional<Accepted>> accept_next(int listener);

/// Starts to connect; success covers "in progress" (wait for writability, then ask
/// `connect_result`). Errors that the kernel knows at once: "connection refused" and the like, with
/// the errno as code.
Result<UniqueFd> start_connect(const Address& address);
Result<void> connect_result(int fd);

Result<Address> local_address(int fd);
Result<Address> peer_address(int fd);

/// Ends our direction; the other goes on. Errors are ignored: the peer may be gone already.
void shutdown_write(int fd);
/// Closes so that the peer sees a reset (SO_LINGER with time 0) instead of an orderly end.
void close_with_reset(UniqueFd fd);
void set_no_delay(int fd);

}  // namespace mishap::net
