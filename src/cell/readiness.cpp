#include "readiness.h"

#include <algorithm>
#include <set>
#include <thread>

#include <sys/socket.h>

#include <fmt/format.h>

#include "mishap/base/duration.h"
#include "mishap/net/network_scope.h"
#include "mishap/net/sockets.h"
#include "mishap/protocols/http/http.h"
#include "mishap/protocols/http2/http2.h"
#include "mishap/protocols/registry.h"

#include "tls.h"

namespace mishap::cell {
namespace {

using engine::Healthcheck;
using engine::Service;

constexpr auto kFirstPause = std::chrono::milliseconds(1);
constexpr auto kLongestPause = std::chrono::milliseconds(50);
constexpr auto kAttempt = std::chrono::seconds(2);

using Check = std::function<Result<void>(net::Deadline)>;

std::map<std::string, std::string> env_of(const Service& service) {
  return {service.env.begin(), service.env.end()};
}

Check tcp_check(const net::Endpoint& endpoint) {
  return [endpoint](net::Deadline deadline) -> Result<void> {
    MISHAP_ASSIGN([[maybe_unused]] auto stream, net::Stream::connect(endpoint, deadline, nullptr));
    return {};
  };
}

Check protocol_check(const Service& service, const std::string& protocol_name,
                     const net::Endpoint& endpoint) {
  const traffic::Protocol* protocol = protocols::find(protocol_name);
  if (protocol == nullptr) return tcp_check(endpoint);
  return [=, env = env_of(service)](net::Deadline deadline) {
    return protocol->ready(endpoint, env, deadline);
  };
}

/// `ready()` asks the interface called "default", the only one, or else the first.
const engine::Interface* default_interface(const Service& service) {
  if (const auto* named = service.find_interface("default")) return named;
  return service.interfaces.empty() ? nullptr : &service.interfaces.front();
}

struct NamedCheck {
  std::string name;
  Check check;
  Nanoseconds timeout;
};

std::shared_ptr<const net::TlsClient> tls_at(const Service& service, uint16_t port,
                                             const Tls* tls) {
  return tls == nullptr ? nullptr : tls->client_at(service, port);
}

/// Where the service itself reaches a port of its own.
net::Endpoint own_endpoint(const Service& service, const engine::Launch& launch, uint16_t port,
                           const Tls* tls) {
  const bool known = !launch.ports.empty() && launch.ports.front().port == port;
  return {known ? launch.readiness_host : "127.0.0.1", port, tls_at(service, port, tls)};
}

Result<NamedCheck> spec_check(const Service& service, const engine::Launch& launch,
                              const Tls* tls) {
  const Healthcheck& health = *service.healthcheck;
  switch (health.kind) {
    case Healthcheck::Kind::http: {
      MISHAP_ASSIGN(auto endpoint, endpoint_in(health.address));
      return NamedCheck{"http " + health.address,
                        [url = health.address, how = tls_at(service, endpoint.port, tls),
                         exchange = exchange_at(service, endpoint.port)](net::Deadline d) {
                          return protocols::http::http_check(url, how, d, exchange(d));
                        },
                        health.timeout};
    }
    case Healthcheck::Kind::ready: {
      const auto* interface = default_interface(service);
      if (interface == nullptr) return fail("ready() needs an interface to ask");
      return NamedCheck{"ready() on " + interface->name,
                        protocol_check(service, interface->protocol,
                                       own_endpoint(service, launch, interface->port, tls)),
                        health.timeout};
    }
    case Healthcheck::Kind::kafka: {
      MISHAP_ASSIGN(auto endpoint, net::parse_endpoint(health.address));
      endpoint.tls = tls_at(service, endpoint.port, tls);
      return NamedCheck{"kafka " + endpoint.text(),
                        [=, kafka = protocols::find("kafka")](net::Deadline deadline) {
                          return kafka->ready(endpoint, {}, deadline);
                        },
                        health.timeout};
    }
    case Healthcheck::Kind::tcp: {
      MISHAP_ASSIGN(auto endpoint, net::parse_endpoint(health.address));
      return NamedCheck{"tcp " + endpoint.text(), tcp_check(endpoint), health.timeout};
    }
  }
  return fail("unknown kind of healthcheck");
}

/// The ports that the checks of this service ask.
std::set<uint16_t> checked_ports(const Service& service, const engine::Launch& launch) {
  std::set<uint16_t> ports;
  if (service.healthcheck && service.healthcheck->kind == Healthcheck::Kind::ready) {
    if (const auto* interface = default_interface(service)) ports.insert(interface->port);
  } else if (service.healthcheck) {
    if (auto endpoint = endpoint_in(service.healthcheck->address)) ports.insert(endpoint->port);
  }
  if (!launch.readiness_protocol.empty() && !launch.ports.empty())
    ports.insert(launch.ports.front().port);
  return ports;
}

/// Whether nobody listens at the address: then it can be bound. (/proc/net/tcp would tell as well,
/// but reading it walks through the connections of the whole machine.)
bool is_free(const net::Address& address) {
  UniqueFd probe(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;  // connections that linger do not count
  return probe && setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
         bind(probe.get(), address.raw(), address.length()) == 0;
}

Result<void> poll(const NamedCheck& named, const std::function<bool()>& alive,
                  net::Deadline ceiling) {
  net::Deadline deadline = std::min(ceiling, net::Clock::now() + named.timeout);
  auto pause = std::chrono::duration_cast<std::chrono::microseconds>(kFirstPause);
  while (true) {
    auto now = net::Clock::now();
    auto answer = named.check(std::min(deadline, now + kAttempt));
    if (answer) return {};
    if (!alive()) return fail("");
    if (net::Clock::now() + pause >= deadline) {
      return fail(fmt::format("not ready: {} after {}: {}", named.name,
                              format_duration(named.timeout), answer.error().message));
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::microseconds>(pause * 3 / 2, kLongestPause);
  }
}

}  // namespace

std::function<protocols::http::Exchange(net::Deadline)> exchange_at(const Service& service,
                                                                    uint16_t port) {
  const bool speaks_http2 =
      std::any_of(service.interfaces.begin(), service.interfaces.end(), [&](const auto& interface) {
        return interface.port == port && interface.protocol == "http2";
      });
  if (speaks_http2) return protocols::http2::exchange_until;
  return [](net::Deadline) { return protocols::http::Exchange(); };
}

Result<net::Endpoint> endpoint_in(std::string address) {
  size_t scheme = address.find("://");
  bool secure = address.starts_with("https://");
  if (scheme != std::string::npos) address.erase(0, scheme + 3);
  address = address.substr(0, address.find_first_of("/?#"));
  size_t bracket = address.rfind(']');  // of an IPv6 address
  if (address.find(':', bracket == std::string::npos ? 0 : bracket) == std::string::npos)
    address += secure ? ":443" : ":80";
  return net::parse_endpoint(address);
}

Result<void> wait_until_ready(const Service& service, const engine::Launch& launch,
                              int network_namespace, const Tls* tls,
                              const std::function<bool()>& alive, net::Deadline ceiling) {
  MISHAP_ASSIGN([[maybe_unused]] auto scope, net::NetworkScope::enter(network_namespace));
  if (service.healthcheck) {
    MISHAP_ASSIGN(auto named, spec_check(service, launch, tls));
    MISHAP_TRY(poll(named, alive, ceiling));
  }
  if (!launch.readiness_protocol.empty() && !launch.ports.empty()) {
    // The spec's own time limit is about its check; a catalogue server is known to come up within
    // this.
    NamedCheck named{launch.readiness_protocol + " protocol",
                     protocol_check(service, launch.readiness_protocol,
                                    own_endpoint(service, launch, launch.ports.front().port, tls)),
                     std::chrono::seconds(30)};
    MISHAP_TRY(poll(named, alive, ceiling));
  }
  return {};
}

std::vector<uint16_t> ports_nobody_reaches(const Service& service, const engine::Launch& launch,
                                           int network_namespace, const std::string& own_address) {
  auto scope = net::NetworkScope::enter(network_namespace);
  std::vector<uint16_t> ports;
  if (!scope) return ports;
  auto served = checked_ports(service, launch);
  for (const auto& interface : service.interfaces) {
    auto address = net::Address::numeric(own_address, interface.port);
    // Only where the service listens already: it must not find its port taken by this.
    if (address && served.contains(interface.port) && is_free(*address))
      ports.push_back(interface.port);
  }
  return ports;
}

}  // namespace mishap::cell
