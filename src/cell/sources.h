// The event sources of a running cell, beyond the output of its services: topics, write-ahead logs,
// files, pages. They are opened when their service is ready, before it is seeded, and live as long
// as it does.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "mishap/engine/service.h"
#include "mishap/event/log.h"
#include "mishap/net/stream.h"
#include "mishap/source/arrivals.h"
#include "mishap/syscalls/exempt.h"
#include "mishap/traffic/follower.h"
#include "mishap/traffic/router.h"

namespace mishap::cell {

class Tls;

class Sources {
 public:
  struct Context {
    event::Log& log;
    /// All services of the cell.
    std::vector<std::string> services;
    /// Where an interface of a service is dialled, past the relays.
    std::function<net::Endpoint(const engine::Service&, const engine::Interface&)> endpoint_of;
    /// The same for an address that a server gives out.
    traffic::BrokerResolver resolve;
    std::function<bool(const std::string&)> alive;
    /// Which of its processes work for us.
    std::function<std::shared_ptr<syscalls::ExemptProcesses>(const std::string&)> exempt;
    /// The network namespace of a service; -1: the cell's.
    std::function<int(const std::string&)> network_of;
    traffic::Router* router = nullptr;  ///< none: no interface is relayed
    const Tls* tls = nullptr;           ///< none: no interface speaks it
  };
  explicit Sources(Context context);
  ~Sources();

  /// Begins to follow what the spec observes of a service that is ready. Error: `wal_stream: …`.
  Result<void> open(const engine::Service& service, net::Deadline deadline);
  /// The service is about to be ended by us.
  void close(const std::string& service);

  /// Until all that has happened is in the log. Gives, for each source of which that cannot be
  /// said, why: `topic orders of kafka: …`.
  std::vector<std::string> catch_up(net::Deadline deadline);
  bool empty() const;

 private:
  struct Open {
    std::string service, name, kind;
    std::shared_ptr<traffic::Follower> follower;
    bool late = false;  ///< at the last look for causes; for the thread of arrivals_ alone
  };
  Result<std::unique_ptr<traffic::Follower>> follow(const engine::Service& service,
                                                    const engine::Observation& observation,
                                                    net::Deadline deadline);
  Result<std::unique_ptr<traffic::Follower>> follow_server(const engine::Service& service,
                                                           const engine::Observation& observation,
                                                           net::Deadline deadline);
  std::function<void(std::vector<traffic::Sighting>)> deliver_to_log();
  std::function<void(const Error&)> report_interruption(const std::string& service,
                                                        const engine::Observation& observation);
  void set_gate(const engine::Service& service, const engine::Observation& observation,
                const std::shared_ptr<traffic::Follower>& follower);
  std::vector<std::shared_ptr<Open>> all() const;
  void deliver_causes(const std::vector<std::string>& types);

  Context context_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Open>> open_;
  std::unique_ptr<source::Arrivals> arrivals_;  ///< last: its thread uses the others
};

}  // namespace mishap::cell
