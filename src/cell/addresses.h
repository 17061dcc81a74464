// Who is meant by an address in a cell. It depends on who asks: `localhost` is another place in
// every network. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/engine/service.h"
#include "mishap/net/sockets.h"
#include "mishap/net/stream.h"

namespace mishap::cell {

class Addresses {
 public:
  /// `networks`: service → IPv4 address of its own; a service without one is on the cell's
  /// loopback. `gateway`: the cell's own address as those with a network see it.
  Addresses(const std::vector<engine::Service>& services,
            const std::map<std::string, std::string>& networks, const std::string& gateway);

  /// An interface, and where to dial it from the consumer's network.
  struct Place {
    std::string service, interface;
    net::Address address;
  };
  /// Whose interface `consumer` (a service, or "test") means by this destination; nothing: no
  /// declared one. Any thread.
  std::optional<Place> find(std::string_view consumer, const net::Address& destination) const;

  /// Whose network this address is of, for a port that it does not declare; the interface is then
  /// ":PORT". Nothing: a loopback, where addresses do not tell, or nobody's. Any thread.
  std::optional<Place> find_undeclared(const net::Address& destination) const;

  /// Where the service is dialled from the cell's own network.
  net::Endpoint from_cell(const std::string& service, uint16_t port) const;

  /// Ports of services with a network that are to be had on the cell's loopback too: the one that
  /// `ports=` chose or the same, where nobody else wants that number.
  struct Published {
    uint16_t port = 0;
    Place place;
  };
  const std::vector<Published>& published() const { return published_; }

 private:
  struct Listener {
    std::string service, interface;
    uint16_t port = 0;
    std::optional<net::Address> own;  ///< nothing: on the cell's loopback
  };
  const Listener* listening(std::string_view network, uint16_t port) const;
  void publish(const std::vector<engine::Service>& services);

  std::vector<Listener> listeners_;
  std::map<std::string, net::Address, std::less<>> networks_;
  std::optional<net::Address> gateway_;
  std::vector<Published> published_;
};

/// Two services that want one port, for a cell in which all share one loopback: "port 8080 is
/// wanted by a.main and b.main".
std::optional<std::string> find_port_clash(const std::vector<engine::Service>& services);

}  // namespace mishap::cell
