#include "live_session.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include <fmt/format.h>
#include <sched.h>

#include "mishap/base/text.h"
#include "mishap/protocols/registry.h"

#include "steps.h"

namespace mishap::cell {
namespace {

/// A step gives up a little before its test does, so that its result can still be judged.
constexpr auto kStepMargin = std::chrono::seconds(1);
/// For what a delay holds beyond the end of its test.
constexpr auto kHeldGrace = std::chrono::seconds(1);
constexpr auto kHeldPause = std::chrono::milliseconds(5);

/// In a cell that lives for one test no port is used twice. In a lane a service that is started
/// again must not find its port taken by connections of the last test that linger (TIME_WAIT):
/// many programs do not ask for SO_REUSEADDR. tcp(7) has the setting, which is the network
/// namespace's own; where it cannot be changed, such a program fails to start and says why.
void let_ports_be_taken_again(const sandbox::CellEnvironment& environment) {
  auto write_here = [] { std::ofstream("/proc/sys/net/ipv4/tcp_max_tw_buckets") << 0; };
  write_here();
  // A thread that enters another network for good.
  std::thread([&] {
    for (const auto& [service, network] : environment.networks) {
      if (setns(network.network_namespace.get(), CLONE_NEWNET) == 0) write_here();
    }
  }).join();
}

net::Address to_net(const syscalls::SocketAddress& address) {
  return net::Address::from(address.get(), address.length).value_or(net::Address());
}

syscalls::SocketAddress to_syscalls(const net::Address& address) {
  syscalls::SocketAddress out;
  std::memcpy(&out.storage, address.raw(), address.length());
  out.length = address.length();
  return out;
}

std::map<std::string, std::string> addresses_of(const sandbox::CellEnvironment& environment) {
  std::map<std::string, std::string> out;
  for (const auto& [service, network] : environment.networks) out[service] = network.address;
  return out;
}

}  // namespace

/// Puts the relays' router where supervisors look for one.
class LiveSession::Redirect final : public syscalls::ConnectRouter {
 public:
  Redirect(const LanePlan& lane, const Addresses& addresses, traffic::Router& router)
      : lane_(lane), addresses_(addresses), router_(router) {}

  std::optional<syscalls::Route> route(std::string_view consumer,
                                       const syscalls::SocketAddress& destination) override {
    net::Address asked = to_net(destination).without_v4_mapping();
    auto place = addresses_.find(consumer, asked);
    if (!place) place = undeclared(consumer, asked);
    if (!place) return std::nullopt;
    auto routed =
        router_.route(consumer, place->service, place->interface, asked.family(), place->address);
    if (!routed) return std::nullopt;
    syscalls::Route route;
    route.relay = to_syscalls(routed->relay);
    if (!(place->address == asked)) route.dial = to_syscalls(place->address);
    route.into_silence = routed->into_silence;
    route.edge = routed->id;
    return route;
  }
  void adopt(syscalls::Adoption adoption) override {
    router_.adopt(adoption.edge, adoption.family, adoption.source_port,
                  std::move(adoption.upstream));
  }

 private:
  /// Between services that may be cut off from each other every connection goes through a relay.
  std::optional<Addresses::Place> undeclared(std::string_view consumer,
                                             const net::Address& asked) const {
    if (!lane_.partitioned.contains(std::string(consumer))) return std::nullopt;
    auto place = addresses_.find_undeclared(asked);
    if (!place || !lane_.partitioned.contains(place->service)) return std::nullopt;
    router_.relay_unheard(place->service, place->interface, place->address);
    return place;
  }

  const LanePlan& lane_;
  const Addresses& addresses_;
  traffic::Router& router_;
};

LiveSession::LiveSession(const LanePlan& lane, const CellSettings& settings,
                         sandbox::CellEnvironment& environment)
    : lane_(lane),
      settings_(settings),
      environment_(environment),
      addresses_(lane.services, addresses_of(environment), environment.gateway),
      protocols_(0),
      phase_(std::make_shared<Phase>()) {}

LiveSession::~LiveSession() {
  // Services first: their supervisors use the router, their exits post to the output loop; before
  // them what reads from them.
  sources_.reset();
  services_.reset();
  if (traffic_loop_) traffic_loop_->stop();
  if (output_loop_) output_loop_->stop();
  if (traffic_thread_.joinable()) traffic_thread_.join();
  if (output_thread_.joinable()) output_thread_.join();
  router_.reset();
  published_.reset();
}

Result<void> LiveSession::start_loops() {
  MISHAP_ASSIGN(traffic_loop_, net::Loop::create());
  MISHAP_ASSIGN(output_loop_, net::Loop::create());
  return {};
}

Result<void> LiveSession::set_up_tls() {
  if (settings_.authority == nullptr) return {};
  MISHAP_ASSIGN(tls_, Tls::set_up(settings_.authority, lane_.services, environment_));
  return {};
}

Result<void> LiveSession::start_relays() {
  if (lane_.relayed.empty()) return {};
  MISHAP_ASSIGN(router_, traffic::Router::create(*traffic_loop_, log_, protocols_));
  for (const auto& [service_name, network] : environment_.networks)
    MISHAP_TRY(router_->add_network(service_name, network.network_namespace.get()));
  for (const auto& [service_name, interface_name] : lane_.relayed) {
    const engine::Service* service = find_service(service_name);
    const engine::Interface* interface =
        service == nullptr ? nullptr : service->find_interface(interface_name);
    if (interface == nullptr)
      return fail(fmt::format("no interface {}.{} to relay", service_name, interface_name));
    MISHAP_TRY(router_->relay(service_name, interface_name,
                              addresses_.from_cell(service_name, interface->port),
                              protocols::find(interface->protocol),
                              tls_ ? tls_->termination(service_name, interface_name) : nullptr));
  }
  redirect_ = std::make_unique<Redirect>(lane_, addresses_, *router_);
  return {};
}

/// Where services could not have networks, they share the cell's loopback, if they can.
Result<void> LiveSession::check_networks() const {
  if (environment_.network_problem.empty()) return {};
  auto clash = find_port_clash(lane_.services);
  if (!clash) return {};
  return fail(fmt::format("{}, and services cannot have networks of their own here: {}", *clash,
                          environment_.network_problem));
}

/// Only who is on the cell's loopback could use them.
Result<void> LiveSession::publish_ports() {
  bool needed = !addresses_.published().empty() &&
                std::any_of(lane_.services.begin(), lane_.services.end(), [&](const auto& service) {
                  return !environment_.networks.contains(service.name);
                });
  if (!needed) return {};
  published_ = std::make_unique<traffic::PublishedPorts>(*traffic_loop_);
  for (const auto& [port, place] : addresses_.published()) {
    auto published = published_->publish(port, place.address);
    if (published) continue;
    return fail(std::move(published).error().context(
        fmt::format("publish {}.{}", place.service, place.interface)));
  }
  return {};
}

Result<void> LiveSession::set_up() {
  MISHAP_TRY(check_networks());
  MISHAP_TRY(start_loops());
  MISHAP_TRY(publish_ports());
  MISHAP_TRY(set_up_tls());
  MISHAP_TRY(start_relays());
  traffic_thread_ = std::thread([this] { traffic_loop_->run(); });
  output_thread_ = std::thread([this] { output_loop_->run(); });
  services_ = std::make_unique<Services>(Services::Context{
      lane_, settings_, environment_, log_, *output_loop_, redirect_.get(),
      [this](const std::string& consumer, const syscalls::SocketAddress& address) {
        return peer_of(consumer, address);
      },
      [this](Error error) { fail_tool(std::move(error)); }, tls_.get()});
  sources_ = std::make_unique<Sources>(sources_context());
  if (lane_.reuses()) let_ports_be_taken_again(environment_);
  return {};
}

Sources::Context LiveSession::sources_context() {
  Sources::Context context{.log = log_};
  for (const auto& service : lane_.services) context.services.push_back(service.name);
  context.endpoint_of = [this](const engine::Service& service, const engine::Interface& interface) {
    return past_relays(service, interface);
  };
  context.tls = tls_.get();
  context.resolve = [this](const std::string& host, uint16_t port) -> std::optional<net::Endpoint> {
    if (find_service(host) == nullptr) return std::nullopt;
    return addresses_.from_cell(host, port);
  };
  context.alive = [this](const std::string& service) { return services_->running(service); };
  context.exempt = [this](const std::string& service) { return services_->exempt(service); };
  context.network_of = [this](const std::string& service) {
    auto own = environment_.networks.find(service);
    return own == environment_.networks.end() ? -1 : own->second.network_namespace.get();
  };
  context.router = router_.get();
  return context;
}

void LiveSession::begin_log() {
  if (!lane_.reuses()) return;  // the only test: all is its own
  // What reused services have printed meanwhile is read, and with it forgotten.
  catch_up();
  log_.restart([plan = plan_](const event::Draft& draft) { return belongs_to(*plan, draft); });
}

void LiveSession::announce_kept_relays() {
  for (const auto& [service, interface] : plan_->relayed) {
    auto endpoint = router_->dial_address(service, interface);
    if (!endpoint) continue;
    event::Draft draft{.type = "proxy_active", .service = service};
    draft.fields = {{"interface", interface},
                    {"protocol", find_service(service)->find_interface(interface)->protocol},
                    {"listen", endpoint->text()},
                    {"mode", "reused"}};
    log_.append(std::move(draft));
  }
}

Result<void> LiveSession::run_hook(std::string_view what, const std::string& service,
                                   const std::function<ScriptOutcome()>& call) {
  log_.append({.type = fmt::format("service_{}", what), .service = service});
  ScriptOutcome outcome = call();
  if (outcome.kind == ScriptOutcome::Kind::returned) return {};
  return fail(fmt::format("service \"{}\": {} failed: {}\n{}", service, what, outcome.message,
                          outcome.backtrace));
}

Result<void> LiveSession::start(const CellPlan& plan, Script& script) {
  bool first = plan_ == nullptr;
  plan_ = &plan;
  begin_phase(net::Clock::now() + plan.ceiling);
  begin_log();
  protocols_.restart(plan.seed);
  monitors_ = std::make_unique<monitor::MonitorSet>(log_);
  properties_ = std::make_unique<monitor::PropertySet>(log_);
  if (first) {
    if (auto ours = set_up(); !ours) {
      fail_tool(ours.error());
      return ours;
    }
  } else {
    announce_kept_relays();
  }
  windows_ = std::make_unique<Windows>(plan, *services_, protocols_, router_.get(), log_);
  script.attach(*this);
  Services::Hooks hooks;
  hooks.ready = [&](const engine::Service& service) { return sources_->open(service, deadline()); };
  hooks.seed = [&](const std::string& name) -> Result<void> {
    if (!script.has_seed(name)) return {};
    return run_hook("seed", name, [&] { return script.seed(name); });
  };
  hooks.reset = [&](const std::string& name) -> Result<void> {
    if (!script.has_reset(name)) return {};
    return run_hook("reset", name, [&] { return script.reset(name); });
  };
  return services_->start(plan, hooks, deadline());
}

Result<void> LiveSession::end_test() {
  log_.restart([](const event::Draft&) { return false; });
  if (is_tool_error()) return fail(tool_error());
  for (const auto& service : services_->fresh()) sources_->close(service);
  MISHAP_TRY(services_->end_fresh());
  if (auto why = services_->worn_out(); !why.empty()) return fail(why);
  if (auto who = held(); !who.empty())
    return fail(fmt::format("a delay still held a call or request of {}", who));
  return {};
}

/// Who still waits for a delay of the test that has ended. Most waits end by themselves at once:
/// the consumer's end closes its connections.
std::string LiveSession::held() {
  auto limit = net::Clock::now() + kHeldGrace;
  while (true) {
    std::string who = services_->held();
    if (!who.empty()) who = fmt::format("service \"{}\"", who);
    if (who.empty() && router_ && router_->held_count() > 0) who = "a relayed connection";
    if (who.empty() || net::Clock::now() >= limit) return who;
    std::this_thread::sleep_for(kHeldPause);
  }
}

void LiveSession::fail_tool(Error error) {
  std::function<void()> callback;
  {
    std::lock_guard lock(mutex_);
    if (tool_error_.empty()) tool_error_ = std::move(error.message);
    callback = tool_failure_callback_;
  }
  if (!tool_failed_.exchange(true) && callback) callback();
}

void LiveSession::on_tool_failure(std::function<void()> callback) {
  std::lock_guard lock(mutex_);
  tool_failure_callback_ = std::move(callback);
}

std::string LiveSession::tool_error() const {
  std::lock_guard lock(mutex_);
  return tool_error_;
}

void LiveSession::begin_phase(net::Deadline deadline) {
  std::lock_guard lock(mutex_);
  old_phases_.push_back(phase_);
  phase_ = std::make_shared<Phase>();
  phase_->deadline = deadline;
}

void LiveSession::cancel_phase() {
  std::lock_guard lock(mutex_);
  phase_->cancel.set();
}

net::Deadline LiveSession::deadline() const {
  std::lock_guard lock(mutex_);
  return phase_->deadline;
}

const net::Cancel& LiveSession::cancel() const {
  std::lock_guard lock(mutex_);
  return phase_->cancel;
}

std::vector<std::string> LiveSession::catch_up(net::Deadline deadline) {
  if (!services_) return {};
  services_->catch_up();
  return sources_ ? sources_->catch_up(deadline) : std::vector<std::string>();
}

const engine::Service* LiveSession::find_service(const std::string& name) const {
  auto found = std::find_if(lane_.services.begin(), lane_.services.end(),
                            [&](const auto& service) { return service.name == name; });
  return found == lane_.services.end() ? nullptr : &*found;
}

std::optional<syscalls::Peer> LiveSession::peer_of(const std::string& consumer,
                                                   const syscalls::SocketAddress& address) const {
  auto place = addresses_.find(consumer, to_net(address));
  if (!place) return std::nullopt;
  return syscalls::Peer{place->service, place->interface};
}

net::Endpoint LiveSession::past_relays(const engine::Service& service,
                                       const engine::Interface& interface) const {
  net::Endpoint endpoint = addresses_.from_cell(service.name, interface.port);
  if (tls_) endpoint.tls = tls_->client(service.name, interface.name);
  return endpoint;
}

net::Endpoint LiveSession::endpoint_of(const std::string& service,
                                       const engine::Interface& interface) const {
  net::Endpoint endpoint = past_relays(*find_service(service), interface);
  if (!router_) return endpoint;
  if (auto relayed = router_->dial_address(service, interface.name)) {
    endpoint.host = relayed->host;
    endpoint.port = relayed->port;
  }
  return endpoint;
}

/// Whose interface an address means that a service gave out: the name of a service, or an address
/// as the driver or that service itself understands it.
std::optional<net::Endpoint> LiveSession::endpoint_at(const std::string& host,
                                                      uint16_t port) const {
  std::string name = host == "localhost" ? "127.0.0.1" : host;
  std::string service_name = host, interface_name;
  if (auto address = net::Address::numeric(name, port)) {
    auto place = addresses_.find("test", *address);
    if (!place) return std::nullopt;
    service_name = place->service;
    interface_name = place->interface;
  }
  const engine::Service* service = find_service(service_name);
  if (service == nullptr) return std::nullopt;
  for (const auto& interface : service->interfaces) {
    if (interface_name.empty() ? interface.port == port : interface.name == interface_name)
      return endpoint_of(service_name, interface);
  }
  return std::nullopt;
}

Result<TimedStep> LiveSession::step(const std::string& service_name,
                                    const std::string& interface_name, const std::string& method,
                                    Json arguments, const std::string& spec) {
  const engine::Service* service = find_service(service_name);
  const engine::Interface* interface =
      service == nullptr ? nullptr : service->find_interface(interface_name);
  if (interface == nullptr)
    return fail(fmt::format("no interface {}.{}", service_name, interface_name));
  const traffic::Protocol* protocol = protocols::find(interface->protocol);
  if (protocol == nullptr)
    return fail(fmt::format("unsupported protocol \"{}\"", interface->protocol));

  traffic::StepCall call;
  call.method = method;
  call.arguments = std::move(arguments);
  call.endpoint = endpoint_of(service_name, *interface);
  call.direct = past_relays(*service, *interface);
  call.contract = interface->spec;
  call.resolve = [this](const std::string& host, uint16_t port) { return endpoint_at(host, port); };
  call.test = plan_->name;
  call.service_env = {service->env.begin(), service->env.end()};
  std::shared_ptr<Phase> phase;
  {
    std::lock_guard lock(mutex_);
    phase = phase_;
  }
  call.deadline =
      std::max(phase->deadline - kStepMargin, net::Clock::now() + std::chrono::milliseconds(1));
  call.cancel = &phase->cancel;
  return run_step(*protocol, call, service_name, interface_name, spec, log_);
}

}  // namespace mishap::cell
