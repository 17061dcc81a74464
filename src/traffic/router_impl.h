// What a router is made of: who provides what, in which networks, its edges, and the connections
// that are open. router.cpp brings connections about, router_shapes.cpp cuts and slows them.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mishap/traffic/relay.h"
#include "mishap/traffic/router.h"

#include "cuts.h"
#include "links.h"
#include "silence.h"

namespace mishap::traffic {

/// A relayed interface.
struct Provider {
  std::string service, interface;
  net::Endpoint endpoint;
  std::vector<net::Address> addresses;  ///< to dial, in this order
  const Protocol* protocol = nullptr;
  std::shared_ptr<const TlsTermination> tls;
  net::Address test_address;
  Router::Gate gate;

  std::string_view protocol_name() const { return protocol != nullptr ? protocol->name() : "tcp"; }
  /// For one connection; null: its bytes pass unseen, in TLS or not.
  std::unique_ptr<Filter> make_filter() const {
    if (protocol == nullptr) return nullptr;
    if (!tls) return make_plain_filter(protocol->make_filter());
    return make_tls_filter(protocol->make_filter(), tls, protocol->make_tls_upgrade(),
                           protocol->alpn());
  }
};

/// A network namespace that consumers are in, and the relay's listeners there.
struct Network {
  int network_namespace = -1;  ///< -1: the router's own
  net::Address v4, v6;

  const net::Address& listener(int family) const { return family == AF_INET ? v4 : v6; }
};

struct EdgeState {
  EdgeId id = 0;
  fault::Edge edge;
  const Provider* provider = nullptr;
  const Network* network = nullptr;        ///< the consumer's
  std::vector<net::Address> destinations;  ///< to dial from there, in this order
  std::map<int, SilentListener> silent;    ///< by family; while the edge is cut
  std::vector<UniqueFd> held;              ///< accepted from the test driver while cut; loop thread
};

inline std::string direction_text(Direction direction) {
  return direction == Direction::to_server ? "c2s" : "s2c";
}

/// (network, family, source port)
using SourceKey = std::tuple<const Network*, int, uint16_t>;

/// The half of a redirected connection that came first.
struct Arrival {
  UniqueFd client;
  UniqueFd upstream;
  EdgeState* edge = nullptr;
};

class Router::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(net::Loop& loop, event::Log& log, fault::ProtocolDecider& decider)
      : loop_(loop), log_(log), decider_(decider) {}

  Result<void> listen(const std::string& consumer, int network_namespace);
  Result<void> relay(const std::string& service, const std::string& interface,
                     const net::Endpoint& upstream, const Protocol* protocol,
                     std::shared_ptr<const TlsTermination> tls);
  void relay_unheard(const std::string& service, const std::string& interface,
                     const net::Address& upstream);
  std::optional<RoutedConnection> route(std::string_view consumer, const std::string& service,
                                        const std::string& interface, int family,
                                        const net::Address& upstream);
  void adopt(EdgeId edge, int family, uint16_t source_port, UniqueFd upstream);
  std::optional<net::Endpoint> dial_address(const std::string& service,
                                            const std::string& interface) const;
  void set_gate(const std::string& service, const std::string& interface, Gate gate);
  Gate gate_of(const EdgeState& edge) const;
  CutId cut(std::vector<Way> ways);
  void mend(CutId cut);
  uint64_t effects(CutId cut) const;
  LinkId shape(fault::LinkRule rule);
  void unshape(LinkId rule);
  uint64_t shaped(LinkId rule) const;
  void limit(const fault::BandwidthLimit& limit);
  std::vector<BandwidthUse> unlimit();
  void shut_down();
  size_t connection_count() const { return connection_count_; }
  size_t held_count();

 private:
  class Connection;
  struct Listener {
    UniqueFd fd;
    net::Watch watch;
  };

  void post(std::function<void()> task);
  void watch_listener(UniqueFd fd, std::function<void(net::Accepted)> accepted);
  const Provider* find_provider(const std::string& service, const std::string& interface) const;
  EdgeState& edge_of(std::string_view consumer, const Provider& provider);
  bool is_cut(const fault::Edge& edge, Direction direction) const;
  bool is_cut(const fault::Edge& edge) const {
    return is_cut(edge, Direction::to_server) || is_cut(edge, Direction::to_client);
  }
  void on_accepted(const Network& network, net::Accepted accepted);
  void on_adopted(EdgeState& edge, SourceKey key, UniqueFd upstream);
  void dial(EdgeState& edge, UniqueFd client);
  static Result<UniqueFd> dial_any(const Network& network,
                                   const std::vector<net::Address>& destinations);
  void open(EdgeState& edge, UniqueFd client, UniqueFd upstream);
  void count_loss(const EdgeState& edge, Direction direction);
  void count_hanging(const fault::Edge& edge);
  void emit_partitioned(const EdgeState& edge, event::Fields fields);
  void apply_cuts();
  void apply_links();
  void apply_and_wait(std::function<void()> task);
  void release_held();
  void emit(const EdgeState& edge, std::string type, event::Fields fields);

  net::Loop& loop_;
  event::Log& log_;
  fault::ProtocolDecider& decider_;

  mutable std::mutex mutex_;      // guards the seven below
  std::deque<Network> networks_;  // the first is the router's own
  std::map<std::string, const Network*, std::less<>> network_of_;
  std::deque<Provider> providers_;
  std::deque<EdgeState> edges_;  // index = id - 1
  std::map<fault::Edge, EdgeId> edge_ids_;
  Cuts cuts_;
  Links links_;

  // Loop thread.
  bool shut_ = false;
  std::list<Listener> listeners_;
  std::map<SourceKey, Arrival> arrivals_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> finished_;
  uint64_t next_connection_ = 0;
  std::atomic<size_t> connection_count_ = 0;
  Relay::Buffer buffer_;
};

/// One open connection and its events.
class Router::Impl::Connection final : public RelayOwner {
 public:
  Connection(Impl& impl, EdgeState& edge, std::string id, UniqueFd client, UniqueFd upstream)
      : impl_(impl), edge_(edge), id_(std::move(id)) {
    auto peer = net::peer_address(client.get());
    impl_.emit(edge_, "proxy_conn_open",
               {{"client", peer ? peer->text() : ""},
                {"target", edge_.provider->endpoint.text()},
                {"conn_id", id_}});
    relay_ = std::make_unique<Relay>(impl_.loop_, std::move(client), std::move(upstream),
                                     edge_.provider->make_filter(), impl_.buffer_, *this);
  }
  const EdgeState& edge() const { return edge_; }
  Relay& relay() { return *relay_; }

  fault::ProtocolDecision decide(
      const Relay&, const std::function<bool(const fault::ProtocolRule&)>& matches) override {
    return impl_.decider_.decide(edge_.edge, matches);
  }
  bool has_rules(const Relay&) const override { return impl_.decider_.concerns(edge_.edge); }
  bool ask_leave(const Relay&, const std::string& part, const std::function<void()>& go) override {
    Gate gate = impl_.gate_of(edge_);
    if (!gate) return true;
    return gate(part, [impl = impl_.weak_from_this(), open = std::weak_ptr(open_), go] {
      auto self = impl.lock();
      if (!self) return;
      self->post([open, go] {
        if (open.lock()) go();
      });
    });
  }
  void report(const Relay&, std::string_view action, event::Fields fields) override {
    std::string type = event_type(action);
    event::Fields all;
    if (type == "proxy") all.set("action", std::string(action));
    for (const auto& [name, value] : fields) all.set(name, value);
    all.set("conn_id", id_);
    if (action == "handshake") all.set("duration_ms", std::to_string(age().count()));
    in_tls_trouble_ = action == "tls_error";
    impl_.emit(edge_, std::move(type), std::move(all));
  }
  void silenced(const Relay&, Direction direction) override {
    impl_.count_loss(edge_, direction);
    impl_.emit_partitioned(
        edge_, {{"what", "bytes"}, {"direction", direction_text(direction)}, {"conn_id", id_}});
  }
  void shaped(const Relay&, Direction direction, ShapeEffect effect) override {
    {
      std::lock_guard lock(impl_.mutex_);
      impl_.links_.count(edge_.edge, direction, effect);
    }
    impl_.emit(edge_, "proxy",
               {{"action", std::string(to_string(effect))},
                {"direction", direction_text(direction)},
                {"conn_id", id_}});
  }
  void closed(Relay& relay, CloseReason reason) override {
    open_.reset();
    // What TLS has ended was no rule's doing.
    if (reason == CloseReason::rule_drop && in_tls_trouble_) reason = CloseReason::io_error;
    impl_.emit(edge_, "proxy_conn_close",
               {{"conn_id", id_},
                {"duration_ms", std::to_string(age().count())},
                {"bytes_c2s", std::to_string(relay.bytes(Direction::to_server))},
                {"bytes_s2c", std::to_string(relay.bytes(Direction::to_client))},
                {"reason", std::string(to_string(reason))}});
    auto node = impl_.connections_.extract(this);
    if (node.empty()) return;
    --impl_.connection_count_;
    // The relay is still on the stack.
    impl_.finished_.push_back(std::move(node.mapped()));
    impl_.post([&impl = impl_] { impl.finished_.clear(); });
  }

 private:
  static std::string event_type(std::string_view action) {
    if (action == "unparsed") return "proxy_parse_error";
    if (action == "tls_error") return "proxy_tls_error";
    return action == "handshake" ? "proxy_handshake_complete" : "proxy";
  }
  std::chrono::milliseconds age() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 since_);
  }

  Impl& impl_;
  EdgeState& edge_;
  std::string id_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  bool in_tls_trouble_ = false;                                ///< as last reported
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);  ///< none once it has closed
  std::unique_ptr<Relay> relay_;
};

}  // namespace mishap::traffic
