// The TLS of one cell: what relays show and whom they and the steps trust, and the files that
// services are given so that they trust the relays and can have a certificate of their own.
//
// The authority's key is nowhere but in memory. The files are on a file system of the cell's own
// that is never kept.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mishap/engine/service.h"
#include "mishap/net/tls.h"
#include "mishap/sandbox/cell.h"
#include "mishap/traffic/tls.h"

namespace mishap::cell {

/// Where the files are in the cell: `ca.pem`, `bundle.pem`, and for each service that speaks TLS
/// `SERVICE/cert.pem`, `SERVICE/key.pem` and `SERVICE/both.pem`.
inline constexpr const char* kTlsDirectory = "/tmp/mishap-tls";

/// Immutable once made; any thread.
class Tls {
 public:
  /// Writes the files. `services` outlive it.
  static Result<std::unique_ptr<Tls>> set_up(std::shared_ptr<const net::Authority> authority,
                                             const std::vector<engine::Service>& services,
                                             sandbox::CellEnvironment& environment);

  /// How a relayed interface speaks TLS; null: it does not.
  std::shared_ptr<const traffic::TlsTermination> termination(const std::string& service,
                                                             const std::string& interface) const;
  /// How steps and checks speak it to that interface; null: they do not.
  std::shared_ptr<const net::TlsClient> client(const std::string& service,
                                               const std::string& interface) const;
  /// The same for a port of the service.
  std::shared_ptr<const net::TlsClient> client_at(const engine::Service& service,
                                                  uint16_t port) const;
  /// Variables that tell any program in the cell whom to trust.
  std::vector<std::pair<std::string, std::string>> trust_variables() const;
  /// Those and where its own certificate is, for a service; but for those that the spec sets.
  std::vector<std::pair<std::string, std::string>> variables(const engine::Service& service) const;

 private:
  struct Speaker {
    std::shared_ptr<const traffic::TlsTermination> termination;
    std::shared_ptr<const net::TlsClient> client;
  };
  Tls(std::shared_ptr<const net::Authority> authority, sandbox::CellEnvironment& environment)
      : authority_(std::move(authority)), environment_(environment) {}
  Result<void> write_trust(const std::vector<engine::Service>& services);
  Result<void> add(const engine::Service& service);
  Result<Speaker> speaker(const engine::Service& service, const engine::Interface& interface,
                          const net::Identity& own) const;
  std::vector<std::string> names_of(const engine::Service& service) const;
  const Speaker* find(const std::string& service, const std::string& interface) const;

  std::shared_ptr<const net::Authority> authority_;
  sandbox::CellEnvironment& environment_;
  std::map<std::pair<std::string, std::string>, Speaker> speakers_;
  bool postgres_ = false;  ///< one of them is a PostgreSQL interface
};

}  // namespace mishap::cell
