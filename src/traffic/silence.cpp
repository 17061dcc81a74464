#include "silence.h"

#include <sys/socket.h>

#include <poll.h>

#include "mishap/net/network_scope.h"

namespace mishap::traffic {

std::optional<net::Address> SilentListener::open(int family, int network_namespace) {
  if (listener_) return address_;
  auto scope = net::NetworkScope::enter(network_namespace);
  if (!scope) return std::nullopt;
  auto listener = net::listen_on(
      family == AF_INET ? net::Address::loopback_v4(0) : net::Address::loopback_v6(0), 0);
  if (!listener) return std::nullopt;
  auto address = net::local_address(listener->get());
  if (!address) return std::nullopt;
  auto filler = net::start_connect(*address);
  if (!filler) return std::nullopt;
  auto source = net::local_address(filler->get());
  if (!source) return std::nullopt;
  // On loopback the handshake is over when connect() returns; this waits only if the kernel was
  // busy.
  pollfd entry{filler->get(), POLLOUT, 0};
  poll(&entry, 1, 100);
  listener_ = std::move(*listener);
  filler_ = std::move(*filler);
  address_ = *address;
  filler_port_ = source->port();
  return address_;
}

UniqueFd SilentListener::end_silence() {
  // listen() again only changes the backlog.
  ::listen(listener_.get(), 4096);
  filler_.reset();
  return std::move(listener_);
}

}  // namespace mishap::traffic
