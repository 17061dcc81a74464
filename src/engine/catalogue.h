// The catalogue: well-known images that a locally installed server can stand for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mishap/engine/native.h"
#include "mishap/sandbox/probes.h"

#include "image_name.h"

namespace mishap::engine {

/// What an entry is asked with.
struct CatalogueRequest {
  const Service& service;
  const ImageName& image;
  const EngineOptions& options;
  const std::vector<InterfaceAddress>& addresses;
};

/// One entry. `launch` fills everything but cwd, binds and description's image part. Nothing: the
/// server is not installed, and `missing` says where it was looked for, `remedy` how to get it.
class CatalogueEntry {
 public:
  virtual ~CatalogueEntry() = default;
  virtual std::string_view name() const = 0;
  /// The images it stands for: `postgres` means the official one, `apache/kafka` that repository of
  /// any registry.
  virtual std::vector<std::string> images() const = 0;
  /// The servers that are installed, for people: "PostgreSQL 15.18 from
  /// /usr/lib/postgresql/15/bin".
  virtual std::vector<std::string> installed(const EngineOptions& options) const = 0;
  virtual std::string missing(const EngineOptions& options) const = 0;
  virtual std::string remedy() const = 0;
  /// What else the server needs of this machine, for doctor.
  virtual std::vector<sandbox::Probe> needs() const { return {}; }
  /// An Error: the service is declared in a way the image would refuse too, or it could not be
  /// prepared.
  virtual Result<std::optional<Launch>> launch(const CatalogueRequest& request) const = 0;
  /// Container paths, besides those of the clones, that `launch` has dealt with itself; a volume
  /// below them is not bound.
  virtual std::vector<std::string> handled_volumes(const Service& service) const = 0;
};

const std::vector<const CatalogueEntry*>& catalogue();
const CatalogueEntry& postgres_entry();
const CatalogueEntry& redis_entry();
const CatalogueEntry& kafka_entry();
/// The entry that stands for an image; null when none does.
const CatalogueEntry* find_entry(const ImageName& image);

/// The port the server listens on: the one of the interface that speaks `protocol`, else the first
/// interface's, else `standard`.
ListeningPort server_port(const Service& service, std::string_view protocol, uint16_t standard);

/// Absolute path of an executable in a ':'-separated list of directories; empty when there is none.
std::filesystem::path find_in_path(const std::string& program, const std::string& directories);
/// Whether `path` is a regular file that somebody may execute.
bool is_executable(const std::filesystem::path& path);
/// A volume's host path, absolute; nothing for a named volume ("pgdata"), which is no path at all.
std::optional<std::filesystem::path> volume_path(const Volume& volume,
                                                 const EngineOptions& options);

}  // namespace mishap::engine
