#include "kafka_settings.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/base/json.h"
#include "mishap/base/text.h"
#include "mishap/engine/config.h"

#include "kafka_listeners.h"

namespace mishap::engine {
namespace {

/// The apache image's own; any 22 characters of base64 that are a UUID would do.
constexpr const char* kClusterId = "5L6g3nShT-eMCtK--X86sw";

/// A cell's broker lives for a moment and holds little. What the spec gives wins.
constexpr std::array<std::pair<const char*, const char*>, 19> kDefaults = {{
    {"node.id", "1"},
    {"process.roles", "broker,controller"},
    {"controller.listener.names", "CONTROLLER"},
    // Internal topics would want three brokers, and fifty partitions take a while to make.
    {"offsets.topic.num.partitions", "1"},
    {"offsets.topic.replication.factor", "1"},
    {"transaction.state.log.num.partitions", "1"},
    {"transaction.state.log.replication.factor", "1"},
    {"transaction.state.log.min.isr", "1"},
    {"share.coordinator.state.topic.num.partitions", "1"},
    {"share.coordinator.state.topic.replication.factor", "1"},
    {"share.coordinator.state.topic.min.isr", "1"},
    // Waiting: for more members of a group, for the next heartbeat, for more to write at once.
    {"group.initial.rebalance.delay.ms", "0"},
    {"broker.heartbeat.interval.ms", "200"},
    {"controller.quorum.append.linger.ms", "0"},
    // Memory and threads.
    {"log.cleaner.dedupe.buffer.size", "2097152"},
    {"num.network.threads", "2"},
    {"num.io.threads", "4"},
    {"background.threads", "2"},
    {"num.recovery.threads.per.data.dir", "1"},
}};

/// Variables of the start scripts that are no properties, and what becomes of them here.
constexpr std::array<const char*, 15> kNoProperties = {"KAFKA_HEAP_OPTS",
                                                       "KAFKA_JVM_PERFORMANCE_OPTS",
                                                       "KAFKA_OPTS",
                                                       "KAFKA_JMX_OPTS",
                                                       "KAFKA_GC_LOG_OPTS",
                                                       "KAFKA_LOG4J_OPTS",
                                                       "KAFKA_LOG4J_LOGGERS",
                                                       "KAFKA_LOG4J_ROOT_LOGLEVEL",
                                                       "KAFKA_TOOLS_LOG4J_LOGLEVEL",
                                                       "KAFKA_VERSION",
                                                       "KAFKA_HOME",
                                                       "KAFKA_JMX_PORT",
                                                       "KAFKA_JMX_HOSTNAME",
                                                       "KAFKA_ENABLE_KRAFT",
                                                       "KAFKA_KRAFT_CLUSTER_ID"};

/// What the images do with the help of files and tools that are not here.
struct Refused {
  const char* start;
  const char* instead;
};
constexpr std::array<Refused, 10> kRefused = {{
    {"KAFKA_SSL_KEYSTORE_FILENAME", "give KAFKA_SSL_KEYSTORE_LOCATION"},
    {"KAFKA_SSL_KEYSTORE_CREDENTIALS", "give KAFKA_SSL_KEYSTORE_PASSWORD"},
    {"KAFKA_SSL_KEY_CREDENTIALS", "give KAFKA_SSL_KEY_PASSWORD"},
    {"KAFKA_SSL_TRUSTSTORE_FILENAME", "give KAFKA_SSL_TRUSTSTORE_LOCATION"},
    {"KAFKA_SSL_TRUSTSTORE_CREDENTIALS", "give KAFKA_SSL_TRUSTSTORE_PASSWORD"},
    {"KAFKA_CLIENT_", "give KAFKA_CFG_LISTENER_NAME_…_SASL_JAAS_CONFIG"},
    {"KAFKA_INTER_BROKER_", "give KAFKA_CFG_LISTENER_NAME_…_SASL_JAAS_CONFIG"},
    {"KAFKA_CONTROLLER_USER", "give KAFKA_CFG_LISTENER_NAME_…_SASL_JAAS_CONFIG"},
    {"KAFKA_TLS_", "give KAFKA_CFG_SSL_…"},
    {"KAFKA_CERTIFICATE_PASSWORD", "give KAFKA_CFG_SSL_…"},
}};
/// How many of them the confluent image has; the others are bitnami's.
constexpr size_t kRefusedOfConfluent = 5;

Result<void> check_refused(const KafkaRequest& request) {
  const auto middle = kRefused.begin() + kRefusedOfConfluent;
  const bool bitnami = request.image == KafkaImage::bitnami;
  for (const auto& [variable, value] : request.env) {
    auto names = [&, &name = variable](const Refused& refused) {
      return name.starts_with(refused.start);
    };
    auto found =
        std::find_if(bitnami ? middle : kRefused.begin(), bitnami ? kRefused.end() : middle, names);
    if (found != (bitnami ? kRefused.end() : middle)) {
      return fail(
          fmt::format("{}: the image's script makes files of it, and the broker that "
                      "stands for it has no such script; {}",
                      variable, found->instead));
    }
  }
  return {};
}

/// Words of a variable like KAFKA_OPTS.
Result<std::vector<std::string>> words_of(const std::string& variable, const std::string& value) {
  auto words = split_command(value);
  if (!words) return fail(std::move(words).error().context(variable));
  return std::move(*words);
}

class Reader {
 public:
  explicit Reader(const KafkaRequest& request) : request_(request) {}

  Result<KafkaSettings> read() {
    MISHAP_TRY(check_refused(request_));
    for (const auto& [variable, value] : request_.env) take(variable, value);
    leave_zookeeper();
    take_identity();
    for (const auto& [name, value] : kDefaults) out_.properties.try_emplace(name, value);
    take_directories();
    MISHAP_TRY(take_java_options());
    take_log_levels();
    const std::string& roles = out_.properties["process.roles"];
    out_.is_broker = roles.find("broker") != std::string::npos;
    MISHAP_ASSIGN(out_.client_host, complete_listeners(request_, out_.properties));
    return std::move(out_);
  }

 private:
  const std::string* variable(std::string_view name) const {
    auto found = std::find_if(request_.env.begin(), request_.env.end(),
                              [&](const auto& item) { return item.first == name; });
    return found == request_.env.end() ? nullptr : &found->second;
  }

  void note(std::string text) {
    out_.notes.push_back(fmt::format("service \"{}\": {}", request_.service, std::move(text)));
  }

  void take(const std::string& name, const std::string& value) {
    if (std::string property = kafka_property_of(request_.image, name); !property.empty()) {
      out_.properties[property] = value;
      return;
    }
    const bool known =
        std::find(kNoProperties.begin(), kNoProperties.end(), name) != kNoProperties.end();
    if (name.starts_with("KAFKA_JMX_")) {
      note(fmt::format("{} has no effect: nothing reads a broker's JMX in a cell", name));
    } else if (name.starts_with("KAFKA_") && !known) {
      note(fmt::format("{0} has no effect, as in the image: write KAFKA_CFG_{1}", name,
                       name.substr(std::string_view("KAFKA_").size())));
    }
  }

  /// A broker that keeps its metadata in ZooKeeper needs a second service that is not here.
  void leave_zookeeper() {
    auto& properties = out_.properties;
    const bool wanted = properties.contains("zookeeper.connect");
    std::erase_if(properties, [](const auto& p) { return p.first.starts_with("zookeeper."); });
    if (wanted) {
      note(fmt::format("{} has no effect: the broker keeps its metadata itself (KRaft)",
                       request_.image == KafkaImage::bitnami ? "KAFKA_CFG_ZOOKEEPER_CONNECT"
                                                             : "KAFKA_ZOOKEEPER_CONNECT"));
    }
    const std::string* enabled = variable("KAFKA_ENABLE_KRAFT");
    if (enabled != nullptr && to_lower(*enabled) != "yes" && to_lower(*enabled) != "true") {
      note("KAFKA_ENABLE_KRAFT has no effect: the broker keeps its metadata itself (KRaft)");
    }
  }

  void take_identity() {
    auto& properties = out_.properties;
    if (auto id = properties.find("broker.id"); id != properties.end()) {
      properties.try_emplace("node.id", id->second);
      // Old files ask for a generated number by -1.
      if (id->second.starts_with("-")) {
        if (properties["node.id"] == id->second) properties.erase("node.id");
        properties.erase("broker.id");
      }
    }
    const std::string* cluster =
        variable(request_.image == KafkaImage::bitnami ? "KAFKA_KRAFT_CLUSTER_ID" : "CLUSTER_ID");
    out_.cluster_id = cluster != nullptr && !cluster->empty() ? *cluster : kClusterId;
  }

  void take_directories() {
    auto take_out = [&](const char* name) {
      auto found = out_.properties.find(name);
      std::string value = found == out_.properties.end() ? "" : found->second;
      out_.properties.erase(name);
      return value;
    };
    const std::string one = take_out("log.dir"), several = take_out("log.dirs");
    for (std::string_view directory : split(several.empty() ? one : several, ',')) {
      if (!trim(directory).empty()) out_.log_directories.emplace_back(trim(directory));
    }
    if (out_.log_directories.empty()) {
      out_.log_directories = {request_.image == KafkaImage::bitnami ? "/bitnami/kafka/data"
                                                                    : "/var/lib/kafka/data"};
    }
    out_.metadata_directory = take_out("metadata.log.dir");
  }

  /// As kafka-run-class puts them together; later ones win.
  Result<void> take_java_options() {
    std::vector<std::pair<std::string, std::string>> parts = {
        {"KAFKA_HEAP_OPTS", "-Xms128m -Xmx256m"},
        // Compiling for a long life, and a collector with threads of its own, pay off later than a
        // cell lives.
        {"KAFKA_JVM_PERFORMANCE_OPTS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"},
        {"KAFKA_GC_LOG_OPTS", ""},
        {"KAFKA_JMX_OPTS", ""},
        {"KAFKA_LOG4J_OPTS", ""},
        {"KAFKA_OPTS", ""}};
    for (auto& [name, value] : parts) {
      if (const std::string* given = variable(name); given != nullptr && !given->empty())
        value = *given;
      MISHAP_ASSIGN(std::vector<std::string> words, words_of(name, value));
      out_.java_options.insert(out_.java_options.end(), words.begin(), words.end());
    }
    return {};
  }

  void take_log_levels() {
    out_.loggers = {{"kafka.server.KafkaRaftServer", "INFO"}};
    if (const std::string* level = variable("KAFKA_LOG4J_ROOT_LOGLEVEL")) out_.root_level = *level;
    const std::string* loggers = variable("KAFKA_LOG4J_LOGGERS");
    if (loggers == nullptr) return;
    for (std::string_view one : split(*loggers, ',')) {
      const size_t equals = one.find('=');
      if (equals == std::string_view::npos) continue;
      out_.loggers.emplace_back(trim(one.substr(0, equals)), trim(one.substr(equals + 1)));
    }
  }

  const KafkaRequest& request_;
  KafkaSettings out_;
};

}  // namespace

std::string kafka_property_of(KafkaImage image, std::string_view variable) {
  const bool bitnami = image == KafkaImage::bitnami;
  const std::string_view prefix = bitnami ? "KAFKA_CFG_" : "KAFKA_";
  const bool excepted =
      std::find(kNoProperties.begin(), kNoProperties.end(), variable) != kNoProperties.end();
  if (!variable.starts_with(prefix) || variable.size() == prefix.size() || excepted) return {};
  const std::string rest = to_lower(variable.substr(prefix.size()));
  if (bitnami) return replace_all(rest, "_", ".");
  std::string property;
  for (size_t i = 0; i < rest.size();) {
    size_t end = std::min(rest.find_first_not_of('_', i), rest.size());
    switch (end - i) {
      case 0:
        property += rest[i++];
        continue;
      case 1:
        property += '.';
        break;
      case 2:
        property += '_';
        break;
      default:
        property += '-';
        break;
    }
    i = end;
  }
  return property;
}

std::string properties_text(const std::map<std::string, std::string>& properties) {
  // Escapes of JSON in ASCII are those of properties files; blanks at the start are skipped there.
  auto escaped = [](const std::string& text) {
    std::string json = Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
    json = replace_all(json.substr(1, json.size() - 2), "\\\"", "\"");
    return json.starts_with(" ") ? "\\" + json : json;
  };
  std::string text;
  for (const auto& [name, value] : properties) text += fmt::format("{}={}\n", name, escaped(value));
  return text;
}

Result<KafkaSettings> kafka_settings(const KafkaRequest& request) { return Reader(request).read(); }

}  // namespace mishap::engine
