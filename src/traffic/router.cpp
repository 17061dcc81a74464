#include "mishap/traffic/router.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "mishap/net/network_scope.h"

#include "router_impl.h"

namespace mishap::traffic {

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
    network = &networks_.emplace_back(made);
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
                        .endpoint = {upstream.host(), upstream.port(), nullptr},
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
    if (provider.service != service || provider.interface != interface) continue;
    provider.gate = std::move(gate);
    return;
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
  {
    std::unique_lock lock(mutex_);
    if (is_cut(edge.edge)) {
      edge.held.push_back(std::move(client));
      count_hanging(edge.edge);
      lock.unlock();
      return emit_partitioned(edge, {{"what", "connect"}});
    }
    destinations = edge.destinations;
  }
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
