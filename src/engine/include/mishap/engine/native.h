// The native engine: a service as a program of this machine, run in the cell's sandbox.
//
// A binary is itself. An image is first looked up in the user's own mapping (exact reference, then
// the name without its tag, then globs), then in the catalogue of well-known images, which knows
// how to run the locally installed server as the image would.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/engine/service.h"

namespace mishap::engine {

/// A prepared directory of the cache that the cell shows, privately writable, at `path`.
struct ClonedDirectory {
  std::filesystem::path prepared;  ///< never changes once it exists
  std::filesystem::path path;      ///< absolute path inside the cell
  int mode = 0700;                 ///< of the clone's root
};

/// A volume: host file or directory seen at another path in the cell.
struct BindMount {
  std::filesystem::path host;  ///< absolute
  std::filesystem::path path;  ///< absolute, inside the cell
  bool read_only = false;
};

/// A port the program listens on, and the interface that declared it.
struct ListeningPort {
  uint16_t port = 0;
  std::string interface;
};

/// Everything the cell needs to start one service.
struct Launch {
  std::vector<std::string> argv;                         ///< argv[0] is an absolute path
  std::vector<std::pair<std::string, std::string>> env;  ///< whole environment, names unique
  std::filesystem::path cwd;                             ///< absolute; exists in the cell
  std::vector<ClonedDirectory> clones;
  std::vector<std::filesystem::path>
      private_dirs;  ///< empty tmpfs directories, absolute paths in the cell
  std::vector<BindMount> binds;
  /// Host directories that the program reads, absolute: seen as they are, whatever their parents'
  /// modes.
  std::vector<std::filesystem::path> host_files;
  std::vector<ListeningPort> ports;
  /// Protocol the service must answer besides the spec's own healthcheck, on `ports[0]`; "" = none.
  /// Catalogue services only.
  std::string readiness_protocol;
  /// Where that port is reached from the service itself.
  std::string readiness_host = "127.0.0.1";
  bool own_network =
      false;  ///< came from an image: has a name and address of its own on the cell's network
  /// What was chosen, for people: `postgres:16 → PostgreSQL 15.20 from /usr/lib/postgresql/15/bin
  /// (catalogue)`.
  std::string description;
  /// What the spec gives the service without effect, for people.
  std::vector<std::string> notes;
};

/// Where each interface is reached by a consumer, for FAULTBOX_* / MISHAP_* variables and
/// placeholders.
struct InterfaceAddress {
  std::string service;
  std::string interface;
  std::string host;
  uint16_t port = 0;
  /// The consumer has a network of its own and the provider has none, so what is `localhost` for
  /// the spec and the provider is `host` for the consumer.
  bool behind_gateway = false;
};

/// Names under which an image mapping can say which program runs the service, the first first.
/// Empty for a service that is no image.
std::vector<std::string> mapped_names(const Service& service);
/// Whether an image mapping of that name (or glob) is for the service.
bool mapping_serves(const std::string& image, const Service& service);

/// Finds the program of a service and prepares what it needs (initdb, once per version and
/// settings, as the user that cells run as, see sandbox::cell_user). Slow at most once; safe to run
/// in several processes at a time; one thread at a time. `addresses` are those of all services of
/// the spec, as seen by this one. Remote services and mocks have no program and are an error.
/// Errors begin with the service and say what was tried and how to mend it.
Result<Launch> resolve(const Service& service, const EngineOptions& options,
                       const std::vector<InterfaceAddress>& addresses);

/// Services of one cell share a mount namespace: where two would clone or empty the same directory,
/// all but the first (by name) get `<directory>-<service>`, and their command line, variables and
/// working directory follow. Call it once all services of a spec are resolved.
void separate_directories(std::map<std::string, Launch>& launches);

/// Services of one cell see each other's volumes: two host paths at one place are an error. A named
/// volume or data directory is told apart by `separate_directories` instead.
Result<void> check_shared_volumes(const std::map<std::string, Launch>& launches);

/// The addresses variables are made of, as `consumer` reaches them: a service from an image is
/// `<name>:<port>` for everybody; any other is that for a service from an image, and
/// `127.0.0.1:<port>` for its like.
std::vector<InterfaceAddress> interface_addresses(const std::vector<Service>& services,
                                                  const Service& consumer);

/// $MISHAP_CACHE_DIR; /var/cache/mishap for root; $XDG_CACHE_HOME/mishap or ~/.cache/mishap
/// otherwise.
std::filesystem::path default_cache_dir();

/// Why a service that died at start-up, or a consumer of it, probably did so, from its own last
/// output lines. Nothing when nothing is recognised. `env` is what the spec gave to the service.
std::optional<std::string> explain_start_failure(
    const std::vector<std::string>& log_lines,
    const std::vector<std::pair<std::string, std::string>>& env);

}  // namespace mishap::engine
