// How a program's socket is connected without waiting: it is made non-blocking for the one
// connect() and put back. Should that connection not be complete at once (a relay under load, or a
// socket that never answers), a blocking program's call simply continues in the kernel: connect()
// on a socket that is already connecting waits for it and ignores the address, and so honours
// SO_SNDTIMEO and signals as it always does. Only an unfinished *upstream* dial holds the call
// here.
#include "dial.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

namespace mishap::syscalls {
namespace {

/// How long a program that does not want to wait is kept from its event loop for the sake of a true
/// error.
constexpr std::chrono::milliseconds kGrace{10};

template <class T>
std::optional<T> option(const UniqueFd& socket, int level, int name) {
  T value{};
  socklen_t size = sizeof value;
  if (getsockopt(socket.get(), level, name, &value, &size) != 0) return std::nullopt;
  return value;
}

/// A TCP socket of the destination's family that is neither connected nor on its way.
bool is_fresh_tcp(const UniqueFd& socket, const SocketAddress& destination) {
  if (option<int>(socket, SOL_SOCKET, SO_TYPE) != SOCK_STREAM) return false;
  if (option<int>(socket, SOL_SOCKET, SO_DOMAIN) != destination.family()) return false;
  auto info = option<tcp_info>(socket, IPPROTO_TCP, TCP_INFO);
  return info && info->tcpi_state == TCP_CLOSE;
}

enum class Progress { connected, connecting, failed };

/// Loopback completes a non-blocking connect() just after it said EINPROGRESS, so look once.
Progress progress_of(const UniqueFd& socket) {
  pollfd ready{socket.get(), POLLOUT, 0};
  if (poll(&ready, 1, 0) <= 0) return Progress::connecting;
  return option<int>(socket, SOL_SOCKET, SO_ERROR) == 0 ? Progress::connected : Progress::failed;
}

Progress dial(const UniqueFd& socket, const SocketAddress& to) {
  if (connect(socket.get(), to.get(), to.length) == 0) return Progress::connected;
  return errno == EINPROGRESS ? progress_of(socket) : Progress::failed;
}

std::optional<DialClock::time_point> deadline_of(const Dial& dial) {
  if (!dial.client_waits) return DialClock::now() + kGrace;
  auto limit = option<timeval>(dial.client, SOL_SOCKET, SO_SNDTIMEO);
  if (!limit || (limit->tv_sec == 0 && limit->tv_usec == 0)) return std::nullopt;
  return DialClock::now() + std::chrono::seconds(limit->tv_sec) +
         std::chrono::microseconds(limit->tv_usec);
}

/// errno of connect(), 0 when it is done; never waits.
int connect_now(const UniqueFd& socket, const SocketAddress& to) {
  int flags = fcntl(socket.get(), F_GETFL);
  bool blocking = flags >= 0 && (flags & O_NONBLOCK) == 0;
  if (blocking) fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK);
  int error = connect(socket.get(), to.get(), to.length) == 0 ? 0 : errno;
  if (blocking) fcntl(socket.get(), F_SETFL, flags);
  return error;
}

ino_t inode_of(const UniqueFd& socket) {
  struct stat facts;
  return fstat(socket.get(), &facts) == 0 ? facts.st_ino : 0;
}

}  // namespace

std::variant<Redirected, Dial> Redirector::begin(Task& task, uint64_t call_id, int fd,
                                                 const SocketAddress& destination) {
  Redirected untouched;
  if (!destination.is_inet() || destination.port() == 0) return untouched;
  auto route = router_.route(consumer_, destination.unmapped());
  if (!route) return untouched;
  Dial started;
  started.call_id = call_id;
  started.client = task.duplicate(fd);
  if (!started.client || !is_fresh_tcp(started.client, destination)) return untouched;
  started.client_waits = (fcntl(started.client.get(), F_GETFL) & O_NONBLOCK) == 0;
  started.route = *route;
  started.destination = destination;
  if (started.route.into_silence) return connect_to_relay(started, false);

  SocketAddress to = started.route.dial.value_or(destination.unmapped());
  started.upstream =
      UniqueFd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!started.upstream) return untouched;
  switch (dial(started.upstream, to)) {
    case Progress::connected:
      return connect_to_relay(started, true);
    case Progress::failed:
      return untouched;
    case Progress::connecting:
      break;
  }
  started.deadline = deadline_of(started);
  return started;
}

Redirected Redirector::finish(Dial dial) {
  switch (progress_of(dial.upstream)) {
    case Progress::connected:
      return connect_to_relay(dial, true);
    case Progress::failed:
      return {};
    case Progress::connecting:
      break;
  }
  // Past the deadline: what SO_SNDTIMEO gives, or a hand-over of the unfinished dial.
  if (dial.client_waits) return {Reply::error(EINPROGRESS)};
  return connect_to_relay(dial, false);
}

Redirected Redirector::connect_to_relay(Dial& dial, bool upstream_connected) {
  bool is_ipv6 = dial.destination.family() == AF_INET6;
  const SocketAddress relay = is_ipv6 ? dial.route.relay.mapped() : dial.route.relay;
  int error = connect_now(dial.client, relay);
  if (error != 0 && error != EINPROGRESS) return {Reply::error(error)};

  SocketAddress own;
  own.length = sizeof own.storage;
  if (getsockname(dial.client.get(), own.get(), &own.length) != 0) {
    return {Reply::error(ECONNABORTED)};
  }
  if (!dial.route.into_silence) {
    router_.adopt({.consumer = consumer_,
                   .edge = dial.route.edge,
                   .family = own.unmapped().family(),
                   .source_port = own.port(),
                   .destination = dial.destination,
                   .upstream = std::move(dial.upstream),
                   .upstream_connected = upstream_connected});
  }
  ino_t socket = inode_of(dial.client);
  if (error == 0) return {Reply::value(0), socket};
  return {dial.client_waits ? Reply::proceed() : Reply::error(EINPROGRESS), socket};
}

}  // namespace mishap::syscalls
