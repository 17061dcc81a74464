#include "mishap/net/sockets.h"

#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <fmt/format.h>

namespace mishap::net {
namespace {

template <class T>
T read_as(const sockaddr_storage& storage) {
  T out;
  std::memcpy(&out, &storage, sizeof out);
  return out;
}

/// The kernel's text for an error, as the middle of a sentence: "connection refused".
tl::unexpected<Error> fail_plain(int error) {
  std::string text = std::generic_category().message(error);
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1]))) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return fail(std::move(text), error);
}

constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

/// A socket that was bound and listens; `prepare` sets options before bind.
template <class Prepare>
Result<UniqueFd> make_listener(const Address& address, int backlog, Prepare prepare) {
  UniqueFd fd(socket(address.family(), kSocketFlags, 0));
  if (fd && address.family() != AF_UNIX) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (fd) prepare(fd.get());
  if (!fd || bind(fd.get(), address.raw(), address.length()) != 0 ||
      listen(fd.get(), backlog) != 0) {
    return fail_errno("listen on " + address.text());
  }
  return fd;
}

Result<Address> name_of(int fd, int (*query)(int, sockaddr*, socklen_t*), const char* what) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (query(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return fail_errno(what);
  auto address = Address::from(reinterpret_cast<sockaddr*>(&storage), length);
  if (!address) return fail_errno(what, EAFNOSUPPORT);
  return *address;
}

}  // namespace

Address Address::loopback_v4(uint16_t port) { return *numeric("127.0.0.1", port); }
Address Address::loopback_v6(uint16_t port) { return *numeric("::1", port); }

std::optional<Address> Address::numeric(const std::string& host, uint16_t port) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
    return from(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
    return from(reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  }
  return std::nullopt;
}

Result<Address> Address::unix_path(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) {
    return fail(
        fmt::format("socket path {} is longer than {} bytes", path, sizeof address.sun_path - 1),
        ENAMETOOLONG);
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  socklen_t length = offsetof(sockaddr_un, sun_path) + path.size();
  if (path.starts_with('@')) {
    address.sun_path[0] = '\0';
  } else {
    ++length;  // the terminating zero belongs to a path, not to an abstract name
  }
  return *from(reinterpret_cast<sockaddr*>(&address), length);
}

std::optional<Address> Address::from(const sockaddr* address, socklen_t length) {
  if (length < sizeof(sa_family_t) || length > sizeof(sockaddr_storage)) return std::nullopt;
  Address out;
  std::memcpy(&out.storage_, address, length);
  out.length_ = length;
  bool whole = (out.family() == AF_INET && length >= sizeof(sockaddr_in)) ||
               (out.family() == AF_INET6 && length >= sizeof(sockaddr_in6)) ||
               (out.family() == AF_UNIX && length <= sizeof(sockaddr_un));
  if (!whole) return std::nullopt;
  return out;
}

uint16_t Address::port() const {
  if (family() == AF_INET) return ntohs(read_as<sockaddr_in>(storage_).sin_port);
  if (family() == AF_INET6) return ntohs(read_as<sockaddr_in6>(storage_).sin6_port);
  return 0;
}

void Address::set_port(uint16_t port) {
  // The port sits at the same place in both families (RFC 3493, 3.3, and every Linux ABI).
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  if (family() != AF_INET && family() != AF_INET6) return;
  in_port_t value = htons(port);
  std::memcpy(reinterpret_cast<char*>(&storage_) + offsetof(sockaddr_in, sin_port), &value,
              sizeof value);
}

Address Address::without_v4_mapping() const {
  if (family() != AF_INET6) return *this;
  auto v6 = read_as<sockaddr_in6>(storage_);
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return *this;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port;
  std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
  return *from(reinterpret_cast<sockaddr*>(&v4), sizeof v4);
}

bool Address::is_loopback() const {
  Address plain = without_v4_mapping();
  if (plain.family() == AF_INET) {
    uint32_t address = ntohl(read_as<sockaddr_in>(plain.storage_).sin_addr.s_addr);
    return (address >> 24) == 127 || address == INADDR_ANY;
  }
  if (plain.family() != AF_INET6) return false;
  auto v6 = read_as<sockaddr_in6>(plain.storage_);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
}

std::string Address::host() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    auto v4 = read_as<sockaddr_in>(storage_);
    return inet_ntop(AF_INET, &v4.sin_addr, buffer, sizeof buffer);
  }
  if (family() == AF_INET6) {
    auto v6 = read_as<sockaddr_in6>(storage_);
    return inet_ntop(AF_INET6, &v6.sin6_addr, buffer, sizeof buffer);
  }
  if (family() != AF_UNIX) return {};
  auto local = read_as<sockaddr_un>(storage_);
  size_t size = length_ - offsetof(sockaddr_un, sun_path);
  std::string path(local.sun_path, size);
  if (size > 0 && path[0] == '\0') return '@' + path.substr(1);
  return path.substr(0, path.find('\0'));
}

std::string Address::text() const {
  if (family() == AF_INET6) return fmt::format("[{}]:{}", host(), port());
  if (family() == AF_INET) return fmt::format("{}:{}", host(), port());
  return host();
}

bool Address::operator==(const Address& other) const {
  return length_ == other.length_ && std::memcmp(&storage_, &other.storage_, length_) == 0;
}

Result<UniqueFd> listen_on(const Address& address, int backlog) {
  return make_listener(address, backlog, [&](int fd) {
    if (address.family() == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  });
}

Result<UniqueFd> listen_both_families(uint16_t port, int backlog) {
  auto both = make_listener(*Address::numeric("::", port), backlog,
                            [](int fd) { set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0); });
  if (both || both.error().code == EADDRINUSE || both.error().code == EACCES) return both;
  return listen_on(Address::loopback_v4(port), backlog);
}

Result<std::optional<Accepted>> accept_next(int listener) {
  while (true) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    UniqueFd fd(accept4(listener, reinterpret_cast<sockaddr*>(&storage), &length,
                        SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      auto peer = Address::from(reinterpret_cast<sockaddr*>(&storage), length);
      return Accepted{std::move(fd), peer ? peer->without_v4_mapping() : Address()};
    }
    if (errno == EAGAIN) return std::nullopt;
    // accept(2): errors of the connection itself are reported here; the listener is fine.
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    return fail_errno("accept");
  }
}

Result<UniqueFd> start_connect(const Address& address) {
  UniqueFd fd(socket(address.family(), kSocketFlags, 0));
  if (!fd) return fail_errno("socket");
  if (connect(fd.get(), address.raw(), address.length()) != 0 && errno != EINPROGRESS &&
      errno != EINTR) {
    return fail_plain(errno);
  }
  return fd;
}

Result<void> connect_result(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  if (error != 0) return fail_plain(error);
  return {};
}

Result<Address> local_address(int fd) { return name_of(fd, getsockname, "local address"); }
Result<Address> peer_address(int fd) { return name_of(fd, getpeername, "peer address"); }

void shutdown_write(int fd) { shutdown(fd, SHUT_WR); }

void close_with_reset(UniqueFd fd) {
  if (!fd) return;
  linger now{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void set_no_delay(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

}  // namespace mishap::net
