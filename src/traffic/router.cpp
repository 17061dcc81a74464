#include "mishap/traffic/router.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mishap/net/network_scope.h"
#include "mishap/traffic/relay.h"

#include "cuts.h"
#include "links.h"
#include "silence.h"

namespace mishap::traffic {
namespace {

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

std::string direction_text(Direction direction) {
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

}  // namespace

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
  bool ask_leave(const Relay&, const std::string& part, std::function<void()> go) override {
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

void Router::Impl::post(std::function<void()> task) {
  loop_.post([weak = weak_from_this(), task = std::move(task)] {
    auto self = weak.lock();
    if (self && !self->shut_) task();
  });
}

void Router::Impl::emit(const EdgeState& edge, std::string type, event::Fields fields) {
  event::Draft draft;
  draft.type = std::move(type);
  draft.service = edge.edge.service;
  fields.set("interface", edge.edge.interface);
  fields.set("protocol", std::string(edge.provider->protocol_name()));
  fields.set("from", edge.edge.consumer);
  draft.fields = std::move(fields);
  draft.merges = {edge.edge.consumer};
  log_.append(std::move(draft));
}

// --- set-up
// -----------------------------------------------------------------------------------------------------------------

void Router::Impl::watch_listener(UniqueFd fd, std::function<void(net::Accepted)> accepted) {
  auto shared = std::make_shared<UniqueFd>(std::move(fd));  // std::function copies what it holds
  post([this, shared, accepted = std::move(accepted)] {
    int listener = shared->get();
    auto watch = loop_.watch(listener, {.read = true}, [listener, accepted](net::Readiness) {
      while (true) {
        auto next = net::accept_next(listener);
        if (!next || !*next) return;
        accepted(std::move(**next));
      }
    });
    if (watch) listeners_.push_back({std::move(*shared), std::move(*watch)});
  });
}

Result<void> Router::Impl::listen(const std::string& consumer, int network_namespace) {
  MISHAP_ASSIGN([[maybe_unused]] auto scope, net::NetworkScope::enter(network_namespace));
  Network made{network_namespace, {}, {}};
  MISHAP_ASSIGN(UniqueFd v4, net::listen_on(net::Address::loopback_v4(0)));
  MISHAP_ASSIGN(made.v4, net::local_address(v4.get()));
  // Without IPv6 no destination has an address of that family, so nothing is missing.
  auto v6 = net::listen_on(net::Address::loopback_v6(0));
  if (v6) {
    MISHAP_ASSIGN(made.v6, net::local_address(v6->get()));
  }

  const Network* network = nullptr;
  {
    std::lock_guard lock(mutex_);
    network = &networks_.emplace_back(std::move(made));
    if (!consumer.empty()) network_of_[consumer] = network;
  }
  auto accepted = [this, network](net::Accepted a) { on_accepted(*network, std::move(a)); };
  watch_listener(std::move(v4), accepted);
  if (v6) watch_listener(std::move(*v6), accepted);
  return {};
}

Result<void> Router::Impl::relay(const std::string& service, const std::string& interface,
                                 const net::Endpoint& upstream, const Protocol* protocol,
                                 std::shared_ptr<const TlsTermination> tls) {
  Provider provider{service, interface, upstream, {}, protocol, std::move(tls), {}, {}};
  if (upstream.host == "localhost") {
    provider.addresses = {net::Address::loopback_v4(upstream.port),
                          net::Address::loopback_v6(upstream.port)};
  } else if (auto numeric = net::Address::numeric(upstream.host, upstream.port)) {
    provider.addresses = {*numeric};
  } else {
    return fail(fmt::format("relay {}.{}: \"{}\" is not a numeric address", service, interface,
                            upstream.host));
  }
  MISHAP_ASSIGN(UniqueFd listener, net::listen_on(net::Address::loopback_v4(0)));
  MISHAP_ASSIGN(provider.test_address, net::local_address(listener.get()));

  EdgeState* edge = nullptr;
  {
    std::lock_guard lock(mutex_);
    providers_.push_back(std::move(provider));
    edge = &edge_of("test", providers_.back());
  }
  event::Draft started;
  started.type = "proxy_started";
  started.service = service;
  started.fields = {{"interface", interface},
                    {"protocol", std::string(edge->provider->protocol_name())},
                    {"listen", edge->provider->test_address.text()},
                    {"target", upstream.text()},
                    {"mode", edge->provider->tls != nullptr ? "tls" : "passthrough"}};
  log_.append(std::move(started));
  watch_listener(std::move(listener),
                 [this, edge](net::Accepted accepted) { dial(*edge, std::move(accepted.fd)); });
  return {};
}

void Router::Impl::relay_unheard(const std::string& service, const std::string& interface,
                                 const net::Address& upstream) {
  std::lock_guard lock(mutex_);
  if (find_provider(service, interface) != nullptr) return;
  providers_.push_back({.service = service,
                        .interface = interface,
                        .endpoint = {upstream.host(), upstream.port()},
                        .addresses = {upstream}});
}

// --- routing
// ----------------------------------------------------------------------------------------------------------------

const Provider* Router::Impl::find_provider(const std::string& service,
                                            const std::string& interface) const {
  for (const Provider& provider : providers_) {
    if (provider.service == service && provider.interface == interface) return &provider;
  }
  return nullptr;
}

void Router::Impl::set_gate(const std::string& service, const std::string& interface, Gate gate) {
  std::lock_guard lock(mutex_);
  for (Provider& provider : providers_) {
    if (provider.service == service && provider.interface == interface)
      provider.gate = std::move(gate);
  }
}

Router::Gate Router::Impl::gate_of(const EdgeState& edge) const {
  std::lock_guard lock(mutex_);
  return edge.provider->gate;
}

EdgeState& Router::Impl::edge_of(std::string_view consumer, const Provider& provider) {
  fault::Edge edge{std::string(consumer), provider.service, provider.interface};
  auto [found, is_new] = edge_ids_.try_emplace(edge, edges_.size() + 1);
  if (is_new) {
    auto own = network_of_.find(consumer);
    edges_.push_back({.id = found->second,
                      .edge = edge,
                      .provider = &provider,
                      .network = own == network_of_.end() ? &networks_.front() : own->second,
                      .destinations = provider.addresses});
  }
  return edges_[found->second - 1];
}

bool Router::Impl::is_cut(const fault::Edge& edge, Direction direction) const {
  return direction == Direction::to_server ? cuts_.lost(edge.consumer, edge.service)
                                           : cuts_.lost(edge.service, edge.consumer);
}

std::optional<RoutedConnection> Router::Impl::route(std::string_view consumer,
                                                    const std::string& service,
                                                    const std::string& interface, int family,
                                                    const net::Address& upstream) {
  std::unique_lock lock(mutex_);
  const Provider* provider = find_provider(service, interface);
  if (provider == nullptr) return std::nullopt;
  EdgeState& edge = edge_of(consumer, *provider);
  edge.destinations = {upstream};
  RoutedConnection out{edge.id, edge.edge, edge.network->listener(family), false};
  if (is_cut(edge.edge)) {
    if (auto address = edge.silent[family].open(family, edge.network->network_namespace)) {
      out.relay = *address;
      out.into_silence = true;
      count_hanging(edge.edge);
    }
  }
  if (out.relay.family() != family) return std::nullopt;
  lock.unlock();
  if (out.into_silence) emit_partitioned(edge, {{"what", "connect"}});
  return out;
}

std::optional<net::Endpoint> Router::Impl::dial_address(const std::string& service,
                                                        const std::string& interface) const {
  std::lock_guard lock(mutex_);
  const Provider* provider = find_provider(service, interface);
  if (provider == nullptr) return std::nullopt;
  return net::Endpoint{provider->test_address.host(), provider->test_address.port()};
}

void Router::Impl::adopt(EdgeId id, int family, uint16_t source_port, UniqueFd upstream) {
  EdgeState* edge = nullptr;
  {
    std::lock_guard lock(mutex_);
    if (id == 0 || id > edges_.size()) return;
    edge = &edges_[id - 1];
  }
  SourceKey key{edge->network, family, source_port};
  auto shared = std::make_shared<UniqueFd>(std::move(upstream));
  post([this, edge, key, shared] { on_adopted(*edge, key, std::move(*shared)); });
}

// A port is reused only after its connection is gone, so a half that is still here when a new one
// of the same kind comes belongs to a connection that died before it was complete: the new one
// replaces it.
void Router::Impl::on_adopted(EdgeState& edge, SourceKey key, UniqueFd upstream) {
  auto found = arrivals_.find(key);
  if (found == arrivals_.end() || !found->second.client) {
    arrivals_[key] = {UniqueFd(), std::move(upstream), &edge};
    return;
  }
  UniqueFd client = std::move(found->second.client);
  arrivals_.erase(found);
  open(edge, std::move(client), std::move(upstream));
}

void Router::Impl::on_accepted(const Network& network, net::Accepted accepted) {
  SourceKey key{&network, accepted.peer.family(), accepted.peer.port()};
  auto found = arrivals_.find(key);
  if (found == arrivals_.end() || !found->second.upstream) {
    arrivals_[key] = {std::move(accepted.fd), UniqueFd(), nullptr};
    return;
  }
  Arrival arrival = std::move(found->second);
  arrivals_.erase(found);
  open(*arrival.edge, std::move(accepted.fd), std::move(arrival.upstream));
}

void Router::Impl::dial(EdgeState& edge, UniqueFd client) {
  std::vector<net::Address> destinations;
  bool hangs = false;
  {
    std::lock_guard lock(mutex_);
    hangs = is_cut(edge.edge);
    if (hangs) {
      edge.held.push_back(std::move(client));
      count_hanging(edge.edge);
    }
    destinations = edge.destinations;
  }
  if (hangs) return emit_partitioned(edge, {{"what", "connect"}});
  auto upstream = dial_any(*edge.network, destinations);
  if (upstream) return open(edge, std::move(client), std::move(*upstream));
  emit(edge, "proxy_conn_failed",
       {{"target", edge.provider->endpoint.text()}, {"error", upstream.error().message}});
  net::close_with_reset(std::move(client));
}

Result<UniqueFd> Router::Impl::dial_any(const Network& network,
                                        const std::vector<net::Address>& destinations) {
  MISHAP_ASSIGN([[maybe_unused]] auto scope, net::NetworkScope::enter(network.network_namespace));
  Error last;
  for (const net::Address& address : destinations) {
    auto upstream = net::start_connect(address);
    if (upstream) return upstream;
    last = std::move(upstream).error();
  }
  return fail(std::move(last));
}

void Router::Impl::open(EdgeState& edge, UniqueFd client, UniqueFd upstream) {
  std::string id = fmt::format("{:08x}", ++next_connection_);
  auto connection = std::make_unique<Connection>(*this, edge, std::move(id), std::move(client),
                                                 std::move(upstream));
  Connection* raw = connection.get();
  connections_.emplace(raw, std::move(connection));
  ++connection_count_;
  std::vector<Shape> shapes;
  {
    std::lock_guard lock(mutex_);
    for (Direction direction : {Direction::to_server, Direction::to_client}) {
      raw->relay().stall(direction, is_cut(edge.edge, direction));
      shapes.push_back(links_.shape_of(edge.edge, direction));
    }
  }
  raw->relay().shape(Direction::to_server, shapes[0]);
  raw->relay().shape(Direction::to_client, shapes[1]);
  raw->relay().start();
}

// --- partitions
// -------------------------------------------------------------------------------------------------------------

CutId Router::Impl::cut(std::vector<Way> ways) {
  CutId id = 0;
  {
    std::lock_guard lock(mutex_);
    id = cuts_.add(std::move(ways));
  }
  apply_and_wait([this] { apply_cuts(); });
  return id;
}

/// A caller may count on what it asked for from the return on, so it waits for the loop, unless it
/// is the loop or that does not run.
void Router::Impl::apply_and_wait(std::function<void()> task) {
  auto applied = std::make_shared<std::promise<void>>();
  post([task = std::move(task), applied] {
    task();
    applied->set_value();
  });
  if (!loop_.in_loop_thread()) applied->get_future().wait_for(std::chrono::seconds(1));
}

void Router::Impl::mend(CutId cut) {
  {
    std::lock_guard lock(mutex_);
    if (!cuts_.remove(cut)) return;
  }
  post([this] {
    apply_cuts();
    release_held();
  });
}

uint64_t Router::Impl::effects(CutId cut) const {
  std::lock_guard lock(mutex_);
  return cuts_.effects(cut);
}

void Router::Impl::count_loss(const EdgeState& edge, Direction direction) {
  const auto& [consumer, service, interface] = edge.edge;
  std::lock_guard lock(mutex_);
  if (direction == Direction::to_server)
    cuts_.count(consumer, service);
  else
    cuts_.count(service, consumer);
}

/// Of a connect, what the consumer sends is lost, or else the answer to it. The caller holds the
/// mutex.
void Router::Impl::count_hanging(const fault::Edge& edge) {
  if (is_cut(edge, Direction::to_server))
    cuts_.count(edge.consumer, edge.service);
  else
    cuts_.count(edge.service, edge.consumer);
}

void Router::Impl::emit_partitioned(const EdgeState& edge, event::Fields fields) {
  fields.set("action", "partitioned");
  emit(edge, "proxy", std::move(fields));
}

void Router::Impl::apply_cuts() {
  std::vector<std::pair<Connection*, Direction>> stalled, moving;
  {
    std::lock_guard lock(mutex_);
    for (auto& [connection, owned] : connections_) {
      for (Direction direction : {Direction::to_server, Direction::to_client}) {
        bool cut = is_cut(connection->edge().edge, direction);
        (cut ? stalled : moving).emplace_back(connection, direction);
      }
    }
  }
  // Resuming may close a connection; it stays valid until the loop's next turn.
  for (auto [connection, direction] : stalled) connection->relay().stall(direction, true);
  for (auto [connection, direction] : moving) connection->relay().stall(direction, false);
}

// --- links
// ------------------------------------------------------------------------------------------------------------------

LinkId Router::Impl::shape(fault::LinkRule rule) {
  LinkId id = 0;
  {
    std::lock_guard lock(mutex_);
    id = links_.add(std::move(rule));
  }
  apply_and_wait([this] { apply_links(); });
  return id;
}

void Router::Impl::unshape(LinkId rule) {
  {
    std::lock_guard lock(mutex_);
    if (!links_.remove(rule)) return;
  }
  post([this] { apply_links(); });
}

uint64_t Router::Impl::shaped(LinkId rule) const {
  std::lock_guard lock(mutex_);
  return links_.effects(rule);
}

void Router::Impl::limit(const fault::BandwidthLimit& limit) {
  {
    std::lock_guard lock(mutex_);
    links_.limit(limit);
  }
  apply_and_wait([this] { apply_links(); });
}

std::vector<BandwidthUse> Router::Impl::unlimit() {
  auto used = std::make_shared<std::vector<BandwidthUse>>();
  apply_and_wait([this, used] {
    {
      std::lock_guard lock(mutex_);
      *used = links_.unlimit();
    }
    apply_links();
  });
  return *used;
}

void Router::Impl::apply_links() {
  struct Change {
    Connection* connection;
    Direction direction;
    Shape shape;
  };
  std::vector<Change> changes;
  {
    std::lock_guard lock(mutex_);
    for (auto& [connection, owned] : connections_) {
      for (Direction direction : {Direction::to_server, Direction::to_client}) {
        changes.push_back(
            {connection, direction, links_.shape_of(connection->edge().edge, direction)});
      }
    }
  }
  // This may close a connection; it stays valid until the loop's next turn.
  for (auto& [connection, direction, shape] : changes) connection->relay().shape(direction, shape);
}

void Router::Impl::release_held() {
  std::vector<std::pair<EdgeState*, UniqueFd>> clients;
  std::vector<std::pair<EdgeState*, SilentListener>> opened;
  {
    std::lock_guard lock(mutex_);
    for (EdgeState& edge : edges_) {
      if (is_cut(edge.edge)) continue;
      for (UniqueFd& client : edge.held) clients.emplace_back(&edge, std::move(client));
      edge.held.clear();
      for (auto& [family, silent] : edge.silent) opened.emplace_back(&edge, std::move(silent));
      edge.silent.clear();
    }
  }
  for (auto& [edge, client] : clients) dial(*edge, std::move(client));
  for (auto& [edge, silent] : opened) {
    uint16_t filler = silent.filler_port();
    // Connects that hung repeat their SYN and come in now, one by one.
    watch_listener(silent.end_silence(), [this, edge = edge, filler](net::Accepted accepted) {
      if (accepted.peer.port() != filler) dial(*edge, std::move(accepted.fd));
    });
  }
}

size_t Router::Impl::held_count() {
  std::promise<size_t> counted;
  loop_.post([this, &counted] {
    counted.set_value(std::count_if(connections_.begin(), connections_.end(),
                                    [](const auto& one) { return one.second->relay().holds(); }));
  });
  return counted.get_future().get();
}

void Router::Impl::shut_down() {
  while (!connections_.empty()) {
    connections_.begin()->second->relay().abort(CloseReason::context_cancel);
  }
  shut_ = true;
  finished_.clear();
  listeners_.clear();
  arrivals_.clear();
}

// --- the outside
// ------------------------------------------------------------------------------------------------------------

Router::Router(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Router::~Router() { impl_->shut_down(); }

Result<std::unique_ptr<Router>> Router::create(net::Loop& loop, event::Log& log,
                                               fault::ProtocolDecider& decider) {
  auto impl = std::make_shared<Impl>(loop, log, decider);
  MISHAP_TRY(impl->listen("", -1));
  return std::unique_ptr<Router>(new Router(std::move(impl)));
}

Result<void> Router::relay(const std::string& service, const std::string& interface,
                           const net::Endpoint& upstream, const Protocol* protocol,
                           std::shared_ptr<const TlsTermination> tls) {
  return impl_->relay(service, interface, upstream, protocol, std::move(tls));
}
Result<void> Router::add_network(const std::string& consumer, int network_namespace) {
  return impl_->listen(consumer, network_namespace);
}
void Router::relay_unheard(const std::string& service, const std::string& interface,
                           const net::Address& upstream) {
  impl_->relay_unheard(service, interface, upstream);
}
std::optional<RoutedConnection> Router::route(std::string_view consumer, const std::string& service,
                                              const std::string& interface, int family,
                                              const net::Address& upstream) {
  return impl_->route(consumer, service, interface, family, upstream);
}
void Router::adopt(EdgeId edge, int family, uint16_t source_port, UniqueFd upstream) {
  impl_->adopt(edge, family, source_port, std::move(upstream));
}
std::optional<net::Endpoint> Router::dial_address(const std::string& service,
                                                  const std::string& interface) const {
  return impl_->dial_address(service, interface);
}
void Router::set_gate(const std::string& service, const std::string& interface, Gate gate) {
  impl_->set_gate(service, interface, std::move(gate));
}
CutId Router::cut(std::vector<Way> ways) { return impl_->cut(std::move(ways)); }
void Router::mend(CutId cut) { impl_->mend(cut); }
uint64_t Router::effects(CutId cut) const { return impl_->effects(cut); }
LinkId Router::shape(fault::LinkRule rule) { return impl_->shape(std::move(rule)); }
void Router::unshape(LinkId rule) { impl_->unshape(rule); }
uint64_t Router::shaped(LinkId rule) const { return impl_->shaped(rule); }
void Router::limit(const fault::BandwidthLimit& limit) { impl_->limit(limit); }
std::vector<BandwidthUse> Router::unlimit() { return impl_->unlimit(); }
size_t Router::held_count() const { return impl_->held_count(); }
size_t Router::connection_count() const { return impl_->connection_count(); }

}  // namespace mishap::traffic
