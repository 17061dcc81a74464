#include "service_checks.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/observed.h"
#include "mishap/protocols/registry.h"

#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Healthcheck;
using engine::Service;

/// A check by http of an interface that speaks TLS fails, and one by https of an interface that is
/// not declared to will hardly trust what it finds.
void warn_of_other_scheme(CallContext& call, const Service& service,
                          const engine::Interface& interface) {
  const Healthcheck& check = *service.healthcheck;
  bool by_https = check.address.starts_with("https://");
  if (check.kind != Healthcheck::Kind::http || by_https == (interface.tls != nullptr)) return;
  std::string about =
      by_https ? fmt::format("is not declared to: write interface(\"{}\", …, tls = tls_cert())",
                             interface.name)
               : "does: write https://";
  world_of(call).add_message(
      LoadMessage::Level::warning, check.pos,
      fmt::format("the healthcheck of \"{}\" {} TLS, and interface {} {}", service.name,
                  by_https ? "speaks" : "does not speak", interface.name, about));
}

}  // namespace

Result<void> check_healthcheck(CallContext& call, const Service& service) {
  if (!service.healthcheck) return {};
  const Healthcheck& check = *service.healthcheck;
  if (check.kind == Healthcheck::Kind::ready) {
    if (!service.interfaces.empty()) return {};
    return call.error(
        fmt::format("ready() asks an interface, and \"{}\" declares none; use tcp(…) or http(…)",
                    service.name));
  }
  std::string_view rest = check.address;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos)
    rest.remove_prefix(scheme + 3);
  auto endpoint = net::parse_endpoint(std::string(rest.substr(0, rest.find_first_of("/?#"))));
  if (!endpoint || service.interfaces.empty()) return {};
  auto asked =
      std::find_if(service.interfaces.begin(), service.interfaces.end(),
                   [&](const auto& interface) { return interface.port == endpoint->port; });
  if (asked != service.interfaces.end()) {
    warn_of_other_scheme(call, service, *asked);
    return {};
  }
  std::vector<std::string> ports;
  ports.reserve(service.interfaces.size());
  for (const auto& interface : service.interfaces) ports.push_back(std::to_string(interface.port));
  world_of(call).add_message(
      LoadMessage::Level::warning, check.pos,
      fmt::format(
          "the healthcheck of \"{}\" asks port {}, which it does not declare (it declares {})",
          service.name, endpoint->port, join(ports, ", ")));
  return {};
}

Result<void> check_observe(CallContext& call, const Service& service) {
  for (const auto& observation : service.observe) {
    if (!cell::needs_interface(observation) || cell::observed_interface(service, observation))
      continue;
    std::vector<std::string> protocols, has;
    for (const auto& name : protocols::names()) {
      if (cell::serves(name, observation)) protocols.push_back(name);
    }
    for (const auto& interface : service.interfaces)
      has.push_back(fmt::format("{} is {}", interface.name, interface.protocol));
    return call.error(
        fmt::format("observe: {} needs an interface of protocol {}, and \"{}\" has "
                    "none{}",
                    engine::to_string(observation.source), join(protocols, " or "), service.name,
                    has.empty() ? "" : ": " + join(has, ", ")));
  }
  return {};
}

Result<void> refuse_port_clash(CallContext& call, const Service& service) {
  for (const auto& other : world_of(call).declarations.services) {
    if (service.from_image() || other.from_image()) continue;
    for (const auto& theirs : other.interfaces) {
      for (const auto& ours : service.interfaces) {
        if (ours.port != theirs.port) continue;
        return call.error(fmt::format(
            "port {} of {}.{} is already that of {}.{}: binaries share the cell's loopback",
            ours.port, service.name, ours.name, other.name, theirs.name));
      }
    }
  }
  return {};
}

}  // namespace mishap::spec
