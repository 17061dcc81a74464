// Fetching a server that no distribution packages, once, into the cache.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "mishap/base/result.h"

namespace mishap::engine {

struct ProvisionOptions {
  std::filesystem::path cache_dir;  ///< see default_cache_dir()
  bool offline = false;             ///< only what Maven's own repository on this machine has
  /// What is being done, a line at a time, for people.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

/// Puts the jars of the pinned release of Kafka into the cache, where the catalogue finds them, and
/// returns their directory. They are fetched by the user's own `mvn` with the user's settings;
/// every file must have the checksum of the built-in list, or nothing is installed. What is there
/// already is checked and kept. Safe to run in several processes at a time: one fetches, the others
/// wait. Errors say what to do.
Result<std::filesystem::path> provision_kafka(const ProvisionOptions& options);

}  // namespace mishap::engine
