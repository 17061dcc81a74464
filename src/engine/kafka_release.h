// The release of Kafka that `mishap provision kafka` fetches: kafka_artefacts.txt, built in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::engine {

/// One line of the list: `group:artefact version sha256`.
struct KafkaArtefact {
  std::string group, name, version, sha256;
  /// As Maven names the file: "kafka-clients-3.9.1.jar".
  std::string file() const { return name + "-" + version + ".jar"; }
};

/// The text that is built in.
std::string_view kafka_artefact_list();
/// Its lines; '#' begins a remark. Error: "line 3: …".
Result<std::vector<KafkaArtefact>> parse_artefacts(std::string_view text);
/// The built-in list, parsed.
const std::vector<KafkaArtefact>& kafka_artefacts();
/// The version of the broker in it.
const std::string& kafka_release();

/// Where the jars of that release are in a cache once they were provisioned. Another list is
/// another directory.
std::filesystem::path provisioned_kafka(const std::filesystem::path& cache);
/// The name of its directory: "3.9.1-0123abcd".
std::string kafka_release_key();

}  // namespace mishap::engine
