// Socket addresses as the kernel takes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/socket.h>

namespace mishap::syscalls {

/// An address of any family. A value; empty (length 0) until filled.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  static SocketAddress ipv4(uint32_t host_order_address, uint16_t port);
  static SocketAddress ipv6_loopback(uint16_t port);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// AF_UNSPEC when shorter than a family field.
  int family() const;
  bool is_inet() const { return family() == AF_INET || family() == AF_INET6; }
  /// In host order; 0 when not an internet address.
  uint16_t port() const;
  /// An IPv4 address written as IPv6 (::ffff:1.2.3.4) as plain IPv4; any other address unchanged.
  SocketAddress unmapped() const;
  /// The reverse, for handing an IPv4 address to an IPv6 socket.
  SocketAddress mapped() const;
  /// "127.0.0.1:5432", "[::1]:80", "unix:/run/x", "unix:@abstract", "unspecified".
  std::string text() const;
};

}  // namespace mishap::syscalls
