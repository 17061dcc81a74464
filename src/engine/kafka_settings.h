// What a Kafka image makes of its environment: the broker's properties and its Java options.
//
// The rules are those of the images' entry scripts: confluentinc/cp-kafka and apache/kafka turn
// KAFKA_FOO_BAR into foo.bar ("__" is "_", "___" is "-"), bitnami/kafka does so with
// KAFKA_CFG_FOO_BAR. What is not given is chosen so that one broker is a whole cluster that starts
// quickly. Pure: nothing of this machine is looked at.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/engine/native.h"

#include "environment.h"

namespace mishap::engine {

enum class KafkaImage { confluent, apache, bitnami };

struct KafkaRequest {
  KafkaImage image = KafkaImage::confluent;
  std::string service;
  ListeningPort port;              ///< what the spec declares
  Environment env;                 ///< what the spec gives the service, as it sees addresses
  std::set<uint16_t> taken_ports;  ///< declared anywhere in the spec: not for the controller
};

struct KafkaSettings {
  std::map<std::string, std::string> properties;  ///< without those of the directories
  std::vector<std::string> log_directories;       ///< absolute; at least one
  std::string metadata_directory;                 ///< "": the first of log_directories
  std::string cluster_id;
  std::vector<std::string> java_options;  ///< memory, collector, and what the spec adds
  std::string root_level = "WARN";        ///< of the log
  std::vector<std::pair<std::string, std::string>> loggers;  ///< name → level
  /// Where the listener of the declared port is reached from the service itself: a broker that is
  /// told to listen on its name does not listen on its loopback.
  std::string client_host = "127.0.0.1";
  bool is_broker = true;           ///< false: a controller alone
  std::vector<std::string> notes;  ///< what was given and has no effect
};

/// Errors: settings that the image takes and this broker cannot, as `KAFKA_TLS_TYPE: …`.
Result<KafkaSettings> kafka_settings(const KafkaRequest& request);

/// "KAFKA_CONTROLLER_LISTENER_NAMES" → "controller.listener.names", `prefix` and its rule applied.
std::string kafka_property_of(KafkaImage image, std::string_view variable);

/// The text of a properties file.
std::string properties_text(const std::map<std::string, std::string>& properties);

}  // namespace mishap::engine
