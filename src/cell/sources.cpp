#include "sources.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "mishap/cell/observed.h"
#include "mishap/net/network_scope.h"
#include "mishap/protocols/http/http.h"
#include "mishap/protocols/registry.h"
#include "mishap/source/poll.h"
#include "mishap/source/tail.h"

#include "readiness.h"
#include "tls.h"

namespace mishap::cell {
namespace {

using engine::Observation;
using traffic::Follower;

/// For topics to deliver what may have led to a row; beyond it the order is what it is. A busy
/// machine takes a second at times.
constexpr auto kCauses = std::chrono::seconds(5);
/// For one that was late the last time, so that a broker that hangs does not hold up every row.
constexpr auto kCausesOfLate = std::chrono::milliseconds(100);

/// "topic orders of kafka"
std::string shown(const std::string& service, const Observation& observation) {
  return fmt::format("{}{}{} of {}", engine::to_string(observation.source),
                     observation.name.empty() ? "" : " ", observation.name, service);
}

std::shared_ptr<const event::Decoder> decoder_of(const Observation& observation) {
  return observation.decoder ? observation.decoder : event::automatic_decoder();
}

/// One GET in the service's own network, where `localhost` is the service.
Result<source::Page> fetch(const std::string& url, int network_namespace,
                           const std::shared_ptr<const net::TlsClient>& tls, net::Deadline deadline,
                           const protocols::http::Exchange& once) {
  MISHAP_ASSIGN([[maybe_unused]] auto scope, net::NetworkScope::enter(network_namespace));
  MISHAP_ASSIGN(auto page, protocols::http::get_page(url, tls, deadline, once));
  return source::Page{page.status, std::move(page.body)};
}

}  // namespace

Sources::Sources(Context context) : context_(std::move(context)) {
  arrivals_ = std::make_unique<source::Arrivals>(
      context_.log, [this](const std::vector<std::string>& types) { deliver_causes(types); });
}

Sources::~Sources() {
  // What they deliver goes to arrivals_, which must still be there.
  std::lock_guard lock(mutex_);
  open_.clear();
}

Result<void> Sources::open(const engine::Service& service, net::Deadline deadline) {
  for (const auto& observation : service.observe) {
    if (observation.source == Observation::Source::standard_output ||
        observation.source == Observation::Source::standard_error)
      continue;
    auto follower = follow(service, observation, deadline);
    if (!follower) {
      return fail(
          std::move(follower).error().context(std::string(engine::to_string(observation.source))));
    }
    auto open = std::make_shared<Open>(Open{service.name, shown(service.name, observation),
                                            std::string(engine::to_string(observation.source)),
                                            std::move(*follower)});
    set_gate(service, observation, open->follower);
    std::lock_guard lock(mutex_);
    open_.push_back(std::move(open));
  }
  return {};
}

Result<std::unique_ptr<Follower>> Sources::follow(const engine::Service& service,
                                                  const Observation& observation,
                                                  net::Deadline deadline) {
  switch (observation.source) {
    case Observation::Source::tail: {
      source::TailRequest request{service.name, observation.name, decoder_of(observation),
                                  deliver_to_log(), report_interruption(service.name, observation)};
      return source::follow_tail(std::move(request));
    }
    case Observation::Source::poll: {
      source::PollRequest request{.service = service.name,
                                  .url = observation.name,
                                  .interval = observation.interval,
                                  .decoder = observation.decoder};
      std::shared_ptr<const net::TlsClient> tls;
      const auto endpoint = endpoint_in(observation.name);
      const uint16_t port = endpoint ? endpoint->port : 0;
      if (context_.tls != nullptr) tls = context_.tls->client_at(service, port);
      request.fetch = [url = observation.name, network = context_.network_of(service.name), tls,
                       exchange = exchange_at(service, port)](net::Deadline limit) {
        return fetch(url, network, tls, limit, exchange(limit));
      };
      request.deliver = deliver_to_log();
      return source::follow_page(std::move(request));
    }
    default:
      return follow_server(service, observation, deadline);
  }
}

Result<std::unique_ptr<Follower>> Sources::follow_server(const engine::Service& service,
                                                         const Observation& observation,
                                                         net::Deadline deadline) {
  const engine::Interface* interface = observed_interface(service, observation);
  if (interface == nullptr) return fail("no interface serves it");
  traffic::FollowRequest request;
  request.kind = engine::to_string(observation.source);
  request.service = service.name;
  request.endpoint = context_.endpoint_of(service, *interface);
  request.resolve = context_.resolve;
  request.service_env = {service.env.begin(), service.env.end()};
  request.topic = observation.name;
  request.tables = observation.tables;
  request.decoder = observation.decoder;
  request.alive = [this, name = service.name] { return context_.alive(name); };
  request.server_process = [exempt = context_.exempt(service.name)](int pid, bool ours) {
    ours ? exempt->add(pid) : exempt->remove(pid);
  };
  request.deliver = deliver_to_log();
  request.interrupted = report_interruption(service.name, observation);
  return protocols::find(interface->protocol)->follow(std::move(request), deadline);
}

/// Whatever happened in the cell may have led to what a source sees.
std::function<void(std::vector<traffic::Sighting>)> Sources::deliver_to_log() {
  return [this](std::vector<traffic::Sighting> sightings) {
    for (auto& sighting : sightings) {
      for (const auto& service : context_.services) {
        if (service != sighting.draft.service) sighting.draft.merges.push_back(service);
      }
      sighting.draft.merges.emplace_back("test");
    }
    arrivals_->add(std::move(sightings));
  };
}

std::function<void(const Error&)> Sources::report_interruption(const std::string& service,
                                                               const Observation& observation) {
  return [this, service, observation](const Error& error) {
    event::Draft draft{.type = "source_interrupted", .service = service};
    draft.fields = {{"source", std::string(engine::to_string(observation.source))},
                    {"error", error.message}};
    if (!observation.name.empty()) draft.fields.set("name", observation.name);
    context_.log.append(std::move(draft));
  };
}

/// Conversations outlive a follower by a moment.
void Sources::set_gate(const engine::Service& service, const Observation& observation,
                       const std::shared_ptr<Follower>& follower) {
  if (observation.source != Observation::Source::wal_stream || context_.router == nullptr) return;
  const engine::Interface* interface = observed_interface(service, observation);
  context_.router->set_gate(service.name, interface->name,
                            [weak = std::weak_ptr(follower)](const std::string& database,
                                                             const std::function<void()>& go) {
                              auto still = weak.lock();
                              return !still || still->admit(database, go);
                            });
}

void Sources::close(const std::string& service) {
  std::lock_guard lock(mutex_);
  auto stays = std::stable_partition(open_.begin(), open_.end(),
                                     [&](const auto& open) { return open->service != service; });
  open_.erase(stays, open_.end());
}

std::vector<std::shared_ptr<Sources::Open>> Sources::all() const {
  std::lock_guard lock(mutex_);
  return open_;
}

bool Sources::empty() const {
  std::lock_guard lock(mutex_);
  return open_.empty();
}

std::vector<std::string> Sources::catch_up(net::Deadline deadline) {
  auto open = all();
  std::vector<std::future<Result<void>>> answers;
  answers.reserve(open.size());
  for (const auto& source : open) {
    answers.push_back(std::async(
        std::launch::async, [source, deadline] { return source->follower->catch_up(deadline); }));
  }
  std::vector<std::string> problems;
  for (size_t i = 0; i < open.size(); ++i) {
    auto answer = answers[i].get();
    if (!answer) problems.push_back(fmt::format("{}: {}", open[i]->name, answer.error().message));
  }
  arrivals_->flush();
  return problems;
}

void Sources::deliver_causes(const std::vector<std::string>& types) {
  if (std::find(types.begin(), types.end(), "wal") == types.end()) return;
  for (const auto& source : all()) {
    if (source->kind != "topic" || !context_.alive(source->service)) continue;
    const net::Deadline deadline = net::Clock::now() + (source->late ? kCausesOfLate : kCauses);
    source->late = !source->follower->catch_up(deadline);
  }
}

}  // namespace mishap::cell
