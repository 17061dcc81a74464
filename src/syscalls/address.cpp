#include "mishap/syscalls/address.h"

#include <algorithm>
#include <cstddef>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <fmt/format.h>
#include <string.h>

namespace mishap::syscalls {
namespace {

const sockaddr_in& as_ipv4(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in*>(&address.storage);
}
const sockaddr_in6& as_ipv6(const SocketAddress& address) {
  return *reinterpret_cast<const sockaddr_in6*>(&address.storage);
}
SocketAddress from_ipv6(const sockaddr_in6& ipv6) {
  SocketAddress address;
  memcpy(&address.storage, &ipv6, sizeof ipv6);
  address.length = sizeof ipv6;
  return address;
}
bool holds(const SocketAddress& address, int family, size_t size) {
  return address.family() == family && address.length >= size;
}
std::string unix_text(const SocketAddress& address) {
  const auto& name = *reinterpret_cast<const sockaddr_un*>(&address.storage);
  size_t length = std::min(size_t(address.length), sizeof name);
  length -= std::min(length, offsetof(sockaddr_un, sun_path));
  if (length == 0) return "unix:";
  if (name.sun_path[0] == 0) return "unix:@" + std::string(name.sun_path + 1, length - 1);
  return "unix:" + std::string(name.sun_path, strnlen(name.sun_path, length));
}

}  // namespace

SocketAddress SocketAddress::ipv4(uint32_t host_order_address, uint16_t port) {
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_port = htons(port);
  ipv4.sin_addr.s_addr = htonl(host_order_address);
  SocketAddress address;
  memcpy(&address.storage, &ipv4, sizeof ipv4);
  address.length = sizeof ipv4;
  return address;
}

SocketAddress SocketAddress::ipv6_loopback(uint16_t port) {
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = htons(port);
  ipv6.sin6_addr = in6addr_loopback;
  return from_ipv6(ipv6);
}

int SocketAddress::family() const {
  return length < sizeof(sa_family_t) ? AF_UNSPEC : storage.ss_family;
}

uint16_t SocketAddress::port() const {
  if (holds(*this, AF_INET, sizeof(sockaddr_in))) return ntohs(as_ipv4(*this).sin_port);
  // The kernel takes an IPv6 address without the scope that RFC 2133 lacked.
  if (holds(*this, AF_INET6, offsetof(sockaddr_in6, sin6_scope_id))) {
    return ntohs(as_ipv6(*this).sin6_port);
  }
  return 0;
}

SocketAddress SocketAddress::unmapped() const {
  if (!holds(*this, AF_INET6, offsetof(sockaddr_in6, sin6_scope_id))) return *this;
  const sockaddr_in6& ipv6 = as_ipv6(*this);
  if (!IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) return *this;
  uint32_t network_order = 0;
  memcpy(&network_order, ipv6.sin6_addr.s6_addr + 12, sizeof network_order);
  return ipv4(ntohl(network_order), ntohs(ipv6.sin6_port));
}

SocketAddress SocketAddress::mapped() const {
  if (!holds(*this, AF_INET, sizeof(sockaddr_in))) return *this;
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_port = as_ipv4(*this).sin_port;
  ipv6.sin6_addr.s6_addr[10] = ipv6.sin6_addr.s6_addr[11] = 0xff;
  memcpy(ipv6.sin6_addr.s6_addr + 12, &as_ipv4(*this).sin_addr, 4);
  return from_ipv6(ipv6);
}

std::string SocketAddress::text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  switch (family()) {
    case AF_INET:
      inet_ntop(AF_INET, &as_ipv4(*this).sin_addr, buffer, sizeof buffer);
      return fmt::format("{}:{}", buffer, port());
    case AF_INET6:
      inet_ntop(AF_INET6, &as_ipv6(*this).sin6_addr, buffer, sizeof buffer);
      return fmt::format("[{}]:{}", buffer, port());
    case AF_UNIX:
      return unix_text(*this);
    case AF_UNSPEC:
      return "unspecified";
    default:
      return fmt::format("family {}", family());
  }
}

}  // namespace mishap::syscalls
