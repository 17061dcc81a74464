#include "readiness.h"

#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "mishap/base/duration.h"
#include "mishap/net/network_scope.h"
#include "mishap/protocols/http/http.h"
#include "mishap/protocols/registry.h"

#include "addresses.h"

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

Check protocol_check(const Service& service, const std::string& protocol_name, uint16_t port) {
  net::Endpoint endpoint{"127.0.0.1", port};
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

Result<NamedCheck> spec_check(const Service& service) {
  const Healthcheck& health = *service.healthcheck;
  switch (health.kind) {
    case Healthcheck::Kind::http:
      return NamedCheck{
          "http " + health.address,
          [url = health.address](net::Deadline d) { return protocols::http::http_check(url, d); },
          health.timeout};
    case Healthcheck::Kind::ready: {
      const auto* interface = default_interface(service);
      if (interface == nullptr) return fail("ready() needs an interface to ask");
      return NamedCheck{"ready() on " + interface->name,
                        protocol_check(service, interface->protocol, interface->port),
                        health.timeout};
    }
    case Healthcheck::Kind::tcp:
    case Healthcheck::Kind::kafka: {
      MISHAP_ASSIGN(auto endpoint, net::parse_endpoint(health.address));
      return NamedCheck{"tcp " + endpoint.text(), tcp_check(endpoint), health.timeout};
    }
  }
  return fail("unknown kind of healthcheck");
}

std::string text_of(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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

Result<void> wait_until_ready(const Service& service, const engine::Launch& launch,
                              int network_namespace, const std::function<bool()>& alive,
                              net::Deadline ceiling) {
  MISHAP_ASSIGN([[maybe_unused]] auto scope, net::NetworkScope::enter(network_namespace));
  if (service.healthcheck) {
    MISHAP_ASSIGN(auto named, spec_check(service));
    MISHAP_TRY(poll(named, alive, ceiling));
  }
  if (!launch.readiness_protocol.empty() && !launch.ports.empty()) {
    // The spec's own time limit is about its check; a catalogue server is known to come up within
    // this.
    NamedCheck named{launch.readiness_protocol + " protocol",
                     protocol_check(service, launch.readiness_protocol, launch.ports.front().port),
                     std::chrono::seconds(30)};
    MISHAP_TRY(poll(named, alive, ceiling));
  }
  return {};
}

std::vector<uint16_t> ports_nobody_reaches(const Service& service, int network_namespace) {
  auto scope = net::NetworkScope::enter(network_namespace);
  if (!scope) return {};
  std::string tcp = text_of("/proc/thread-self/net/tcp");
  std::string tcp6 = text_of("/proc/thread-self/net/tcp6");
  std::vector<uint16_t> ports;
  for (const auto& interface : service.interfaces) {
    if (listens_on_loopback_only(tcp, tcp6, interface.port)) ports.push_back(interface.port);
  }
  return ports;
}

}  // namespace mishap::cell
