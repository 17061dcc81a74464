#include "live_session.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/protocols/registry.h"

#include "steps.h"

namespace mishap::cell {
namespace {

/// A step gives up a little before its test does, so that its result can still be judged.
constexpr auto kStepMargin = std::chrono::seconds(1);

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
  Redirect(const Addresses& addresses, traffic::Router& router)
      : addresses_(addresses), router_(router) {}

  std::optional<syscalls::Route> route(std::string_view consumer,
                                       const syscalls::SocketAddress& destination) override {
    net::Address asked = to_net(destination).without_v4_mapping();
    auto place = addresses_.find(consumer, asked);
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
  const Addresses& addresses_;
  traffic::Router& router_;
};

LiveSession::LiveSession(const CellPlan& plan, const CellSettings& settings,
                         sandbox::CellEnvironment& environment)
    : plan_(plan),
      settings_(settings),
      environment_(environment),
      addresses_(plan.services, addresses_of(environment), environment.gateway),
      protocols_(plan.seed),
      phase_(std::make_shared<Phase>()) {
  phase_->deadline = net::Clock::now() + plan.ceiling;
}

LiveSession::~LiveSession() {
  // Services first: their supervisors use the router, their exits post to the output loop.
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

Result<void> LiveSession::start_relays() {
  if (plan_.relayed.empty()) return {};
  MISHAP_ASSIGN(router_, traffic::Router::create(*traffic_loop_, log_, protocols_));
  for (const auto& [service_name, network] : environment_.networks)
    MISHAP_TRY(router_->add_network(service_name, network.network_namespace.get()));
  for (const auto& [service_name, interface_name] : plan_.relayed) {
    const engine::Service* service = find_service(service_name);
    const engine::Interface* interface =
        service == nullptr ? nullptr : service->find_interface(interface_name);
    if (interface == nullptr)
      return fail(fmt::format("no interface {}.{} to relay", service_name, interface_name));
    MISHAP_TRY(router_->relay(service_name, interface_name,
                              addresses_.from_cell(service_name, interface->port),
                              protocols::find(interface->protocol)));
  }
  redirect_ = std::make_unique<Redirect>(addresses_, *router_);
  return {};
}

/// Where services could not have networks, they share the cell's loopback, if they can.
Result<void> LiveSession::check_networks() const {
  if (environment_.network_problem.empty()) return {};
  auto clash = find_port_clash(plan_.services);
  if (!clash) return {};
  return fail(fmt::format("{}, and services cannot have networks of their own here: {}", *clash,
                          environment_.network_problem));
}

/// Only who is on the cell's loopback could use them.
Result<void> LiveSession::publish_ports() {
  bool needed = !addresses_.published().empty() &&
                std::any_of(plan_.services.begin(), plan_.services.end(), [&](const auto& service) {
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

Result<void> LiveSession::start(Script& script) {
  auto ours = [this]() -> Result<void> {
    MISHAP_TRY(check_networks());
    MISHAP_TRY(start_loops());
    MISHAP_TRY(publish_ports());
    return start_relays();
  }();
  if (!ours) {
    fail_tool(ours.error());
    return ours;
  }
  traffic_thread_ = std::thread([this] { traffic_loop_->run(); });
  output_thread_ = std::thread([this] { output_loop_->run(); });
  services_ = std::make_unique<Services>(Services::Context{
      plan_, settings_, environment_, log_, *output_loop_, redirect_.get(),
      [this](const std::string& consumer, const syscalls::SocketAddress& address) {
        return peer_of(consumer, address);
      },
      [this](Error error) { fail_tool(std::move(error)); }});
  windows_ = std::make_unique<Windows>(plan_, *services_, protocols_, log_);
  auto seed = [&](const std::string& name) -> Result<void> {
    if (!script.has_seed(name)) return {};
    log_.append({.type = "service_seed", .service = name});
    ScriptOutcome outcome = script.seed(name);
    if (outcome.kind == ScriptOutcome::Kind::returned) return {};
    return fail(fmt::format("service \"{}\": seed failed: {}\n{}", name, outcome.message,
                            outcome.backtrace));
  };
  return services_->start(seed, deadline());
}

void LiveSession::fail_tool(Error error) {
  {
    std::lock_guard lock(mutex_);
    if (tool_error_.empty()) tool_error_ = std::move(error.message);
  }
  if (!tool_failed_.exchange(true) && on_tool_failure) on_tool_failure();
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

void LiveSession::catch_up() {
  if (services_) services_->catch_up();
}

const engine::Service* LiveSession::find_service(const std::string& name) const {
  auto found = std::find_if(plan_.services.begin(), plan_.services.end(),
                            [&](const auto& service) { return service.name == name; });
  return found == plan_.services.end() ? nullptr : &*found;
}

std::optional<syscalls::Peer> LiveSession::peer_of(const std::string& consumer,
                                                   const syscalls::SocketAddress& address) const {
  auto place = addresses_.find(consumer, to_net(address));
  if (!place) return std::nullopt;
  return syscalls::Peer{place->service, place->interface};
}

net::Endpoint LiveSession::endpoint_of(const std::string& service,
                                       const engine::Interface& interface) const {
  if (router_) {
    if (auto relayed = router_->dial_address(service, interface.name)) return *relayed;
  }
  return addresses_.from_cell(service, interface.port);
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
