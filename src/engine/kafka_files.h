// The files a broker starts with, each prepared once in the cache: formatted storage, an archive of
// its classes, its configuration.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/engine/service.h"

#include "java.h"
#include "kafka_installation.h"
#include "kafka_settings.h"

namespace mishap::engine {

/// What runs a broker.
struct KafkaPrograms {
  JavaRuntime java;
  KafkaInstallation kafka;

  /// All jars, as Java's class path.
  std::string class_path() const;
};

/// The archive of the classes that a broker loads in its first seconds (a JVM maps it instead of
/// reading, verifying and linking thousands of them). Made by a broker that is run for that: some
/// seconds, once. "" when the runtime cannot make one; brokers then start without. An Error: it was
/// interrupted, or the cache cannot be written.
Result<std::filesystem::path> kafka_class_archive(const KafkaPrograms& programs,
                                                  const EngineOptions& options);

/// A directory with one formatted directory for each of `settings`' directories, named "0", "1" and
/// on, the metadata's last. Owned by the user that cells run as. A broker that is a whole cluster
/// finds its internal topics there, made by a broker that is run for that: clients that ask for the
/// coordinator of a group when there is none yet ask again only after a while, up to a second.
Result<std::filesystem::path> kafka_storage(const KafkaPrograms& programs,
                                            const KafkaSettings& settings,
                                            const std::filesystem::path& class_archive,
                                            const EngineOptions& options);

/// A directory with `server.properties` and `java`, an argument file with `java_options` and those
/// of `settings`.
Result<std::filesystem::path> kafka_configuration(const KafkaPrograms& programs,
                                                  const KafkaSettings& settings,
                                                  const std::filesystem::path& class_archive,
                                                  const EngineOptions& options);

/// The text of an argument file of java(1).
std::string argument_file(const std::vector<std::string>& words);

}  // namespace mishap::engine
