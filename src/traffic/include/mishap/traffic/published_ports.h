// Published ports: what connects to a port of the loopback comes out at another address, bytes
// unseen, as with `docker run -p`.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"
#include "mishap/net/loop.h"
#include "mishap/net/sockets.h"
#include "mishap/traffic/relay.h"

namespace mishap::traffic {

/// Serves on the loop's thread. Destroyed when the loop does not run; what is open is then reset.
class PublishedPorts final : public RelayOwner {
 public:
  explicit PublishedPorts(net::Loop& loop) : loop_(loop) {}
  ~PublishedPorts() override;
  PublishedPorts(const PublishedPorts&) = delete;
  PublishedPorts& operator=(const PublishedPorts&) = delete;

  /// Listens on 127.0.0.1 and, where there is IPv6, on ::1, in the calling thread's network
  /// namespace. Any thread, also before the loop runs. A target that refuses resets the client.
  /// Error: the port is taken.
  Result<void> publish(uint16_t port, const net::Address& target);

 private:
  struct Listener {
    UniqueFd fd;
    net::Watch watch;
  };
  void watch(UniqueFd listener, const net::Address& target);
  void accept_from(int listener, const net::Address& target);

  // RelayOwner: without a filter nobody asks about rules.
  fault::ProtocolDecision decide(const Relay&,
                                 const std::function<bool(const fault::ProtocolRule&)>&) override {
    return {};
  }
  bool has_rules(const Relay&) const override { return false; }
  void report(const Relay&, std::string_view, event::Fields) override {}
  void closed(Relay& relay, CloseReason reason) override;

  net::Loop& loop_;
  std::list<Listener> listeners_;
  std::list<std::unique_ptr<Relay>> relays_, finished_;
  Relay::Buffer buffer_;
};

}  // namespace mishap::traffic
