// Kafka as it is installed: a directory of jar files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::engine {

struct KafkaInstallation {
  std::filesystem::path libs;     ///< the directory of the jars
  std::vector<std::string> jars;  ///< their names, sorted
  std::string version;            ///< "3.9.1"
};

/// What was found, or where there was nothing, for people.
struct KafkaSearch {
  std::optional<KafkaInstallation> found;
  std::string tried;
};

/// The first that runs without ZooKeeper (3.3 or newer) of KAFKA_HOME, the scripts in PATH, and
/// what `mishap provision kafka` puts into the cache.
KafkaSearch find_kafka(const std::filesystem::path& cache);

/// The jars of one directory; nothing when it has none of the broker.
std::optional<KafkaInstallation> read_kafka(const std::filesystem::path& libs);

/// "3.9.1" of kafka_2.13-3.9.1.jar; "" of any other file's name.
std::string kafka_version_of_jar(std::string_view file_name);
/// Whether a broker of this version can be its own controller.
bool runs_without_zookeeper(std::string_view version);

}  // namespace mishap::engine
