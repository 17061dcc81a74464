#include "addresses.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace mishap::cell {
namespace {

net::Address at_port(net::Address address, uint16_t port) {
  address.set_port(port);
  return address;
}

}  // namespace

Addresses::Addresses(const std::vector<engine::Service>& services,
                     const std::map<std::string, std::string>& networks, const std::string& gateway)
    : gateway_(net::Address::numeric(gateway, 0)) {
  for (const auto& [service, address] : networks) {
    if (auto numeric = net::Address::numeric(address, 0)) networks_[service] = *numeric;
  }
  for (const auto& service : services) {
    auto own = networks_.find(service.name);
    for (const auto& interface : service.interfaces) {
      Listener listener{service.name, interface.name, interface.port, std::nullopt};
      if (own != networks_.end()) listener.own = at_port(own->second, interface.port);
      listeners_.push_back(std::move(listener));
    }
  }
  publish(services);
}

void Addresses::publish(const std::vector<engine::Service>& services) {
  std::map<uint16_t, std::set<std::string>> wanted;  // port of the loopback → who wants it
  std::vector<Published> all;
  for (const Listener& listener : listeners_) {
    uint16_t port = listener.port;
    if (listener.own) {
      auto service = std::find_if(services.begin(), services.end(),
                                  [&](const auto& s) { return s.name == listener.service; });
      auto chosen = service->ports.find(listener.port);
      if (chosen != service->ports.end() && chosen->second != 0) port = chosen->second;
      all.push_back({port, {listener.service, listener.interface, *listener.own}});
    }
    wanted[port].insert(listener.service);
  }
  for (Published& one : all) {
    bool twice = std::any_of(published_.begin(), published_.end(),
                             [&](const Published& other) { return other.port == one.port; });
    if (wanted[one.port].size() == 1 && !twice) published_.push_back(std::move(one));
  }
}

const Addresses::Listener* Addresses::listening(std::string_view network, uint16_t port) const {
  for (const Listener& listener : listeners_) {
    if (listener.port != port) continue;
    if (network.empty() ? !listener.own : listener.own && listener.service == network)
      return &listener;
  }
  return nullptr;
}

std::optional<Addresses::Place> Addresses::find(std::string_view consumer,
                                                const net::Address& destination) const {
  net::Address address = destination.without_v4_mapping();
  uint16_t port = address.port();
  auto place = [&](const Listener* listener) -> std::optional<Place> {
    if (listener == nullptr) return std::nullopt;
    return Place{listener->service, listener->interface, address};
  };
  if (address.family() != AF_INET && address.family() != AF_INET6) return std::nullopt;
  if (address.is_loopback()) {
    bool has_own = networks_.contains(consumer);
    auto found = place(listening(has_own ? consumer : "", port));
    if (found || has_own) return found;
    for (const Published& one : published_) {
      if (one.port == port) return one.place;
    }
    return std::nullopt;
  }
  if (gateway_ && address == at_port(*gateway_, port)) return place(listening("", port));
  for (const auto& [service, own] : networks_) {
    if (address == at_port(own, port)) return place(listening(service, port));
  }
  return std::nullopt;
}

std::optional<Addresses::Place> Addresses::find_undeclared(const net::Address& destination) const {
  net::Address address = destination.without_v4_mapping();
  if (address.is_loopback() || address.port() == 0) return std::nullopt;
  for (const auto& [service, own] : networks_) {
    if (address == at_port(own, address.port()))
      return Place{service, fmt::format(":{}", address.port()), address};
  }
  return std::nullopt;
}

net::Endpoint Addresses::from_cell(const std::string& service, uint16_t port) const {
  auto own = networks_.find(service);
  return {own == networks_.end() ? "127.0.0.1" : own->second.host(), port};
}

std::optional<std::string> find_port_clash(const std::vector<engine::Service>& services) {
  std::map<uint16_t, std::pair<std::string, std::string>> owners;  // service, service.interface
  for (const auto& service : services) {
    for (const auto& interface : service.interfaces) {
      std::string name = service.name + "." + interface.name;
      auto [owner, is_first] = owners.try_emplace(interface.port, service.name, name);
      if (is_first || owner->second.first == service.name) continue;
      return fmt::format("port {} is wanted by {} and {}", interface.port, owner->second.second,
                         name);
    }
  }
  return std::nullopt;
}

}  // namespace mishap::cell
