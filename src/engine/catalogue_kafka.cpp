// Kafka, as the confluent, apache and bitnami images run it, as far as one broker can be all of it:
// KRaft, never ZooKeeper. Java is started directly; the images' scripts only put together what
// kafka_settings.h does.
#include <fmt/format.h>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "environment.h"
#include "java.h"
#include "kafka_files.h"
#include "kafka_installation.h"
#include "kafka_settings.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

constexpr int kOldestJava = 17;
constexpr const char* kGetJava = "apt install default-jre-headless";

KafkaImage image_of(const ImageName& name) {
  if (name.repository_is("bitnami/kafka")) return KafkaImage::bitnami;
  return name.repository_is("apache/kafka") ? KafkaImage::apache : KafkaImage::confluent;
}

fs::path cache_of(const EngineOptions& options) {
  return options.cache_dir.empty() ? default_cache_dir() : options.cache_dir;
}

class KafkaEntry final : public CatalogueEntry {
 public:
  std::string_view name() const override { return "kafka"; }
  std::vector<std::string> images() const override {
    return {"confluentinc/cp-kafka", "apache/kafka", "bitnami/kafka"};
  }
  std::vector<std::string> installed(const EngineOptions& options) const override {
    const auto kafka = find_kafka(cache_of(options)).found;
    if (!kafka) return {};
    return {described(*kafka)};
  }
  std::string missing(const EngineOptions& options) const override {
    return "no Kafka: " + find_kafka(cache_of(options)).tried;
  }
  std::string remedy() const override { return "mishap provision kafka"; }

  std::vector<sandbox::Probe> needs() const override {
    const JavaSearch search = find_java(kOldestJava);
    sandbox::Probe probe{.name = "java"};
    if (search.found) {
      probe.detail = described(*search.found);
    } else {
      probe.state = sandbox::Probe::State::missing;
      probe.detail =
          fmt::format("image kafka needs Java {} or newer: {}", kOldestJava, search.tried);
      probe.remedy = kGetJava;
    }
    return {probe};
  }

  std::vector<std::string> handled_volumes(const Service&) const override { return {}; }

  Result<std::optional<Launch>> launch(const CatalogueRequest& request) const override {
    const auto kafka = find_kafka(cache_of(request.options)).found;
    if (!kafka) return std::optional<Launch>();
    const JavaSearch java = find_java(kOldestJava);
    if (!java.found) {
      return fail(fmt::format("{} is here, but no Java {} or newer that could run it: {}\n{}",
                              described(*kafka), kOldestJava, java.tried, kGetJava));
    }
    const KafkaPrograms programs{*java.found, *kafka};
    const ListeningPort port = server_port(request.service, "kafka", 9092);
    MISHAP_ASSIGN(KafkaSettings settings, settings_of(request, port));
    MISHAP_TRY(check_volumes(request, settings));
    MISHAP_ASSIGN(fs::path archive, kafka_class_archive(programs, request.options));
    MISHAP_ASSIGN(fs::path storage, kafka_storage(programs, settings, archive, request.options));
    MISHAP_ASSIGN(fs::path configuration,
                  kafka_configuration(programs, settings, archive, request.options));

    Launch launch;
    launch.argv = {programs.java.program.string(),
                   "@" + (configuration / "java").string(),
                   "kafka.Kafka",
                   (configuration / "server.properties").string(),
                   "--override",
                   "log.dirs=" + join(settings.log_directories, ",")};
    std::vector<std::string> directories = settings.log_directories;
    if (!settings.metadata_directory.empty()) {
      directories.push_back(settings.metadata_directory);
      launch.argv.insert(launch.argv.end(),
                         {"--override", "metadata.log.dir=" + settings.metadata_directory});
    }
    for (size_t i = 0; i < directories.size(); ++i)
      launch.clones.push_back({storage / std::to_string(i), directories[i], 0700});
    launch.env = service_environment(clean_environment(), request.service, request.addresses);
    set_variable(launch.env, "CLASSPATH", programs.class_path());
    launch.cwd = directories.front();
    launch.ports = {port};
    // A controller alone speaks another part of the protocol.
    launch.readiness_protocol = settings.is_broker ? "kafka" : "tcp";
    launch.readiness_host = settings.client_host;
    launch.host_files = {programs.java.home, programs.kafka.libs, configuration};
    if (!archive.empty()) launch.host_files.push_back(archive.parent_path());
    launch.description = fmt::format("{}, {}", described(*kafka), described(*java.found));
    launch.notes = std::move(settings.notes);
    return std::optional(std::move(launch));
  }

 private:
  static std::string described(const KafkaInstallation& kafka) {
    return "Kafka " + kafka.version + " from " + kafka.libs.string();
  }
  static std::string described(const JavaRuntime& java) {
    return "Java " + java.version + " from " + java.home.string();
  }

  static Result<KafkaSettings> settings_of(const CatalogueRequest& request,
                                           const ListeningPort& port) {
    if (!request.service.args.empty()) {
      return fail(
          fmt::format("args= of the {} image must be empty: its command is a script that "
                      "is not here; settings are variables, as in "
                      "env={{\"KAFKA_NUM_PARTITIONS\": \"3\"}}",
                      request.image.name));
    }
    KafkaRequest asked{image_of(request.image), request.service.name, port, {}, {}};
    for (const auto& [name, value] : request.service.env)
      asked.env.emplace_back(name, as_consumer_sees(value, request.service, request.addresses));
    for (const InterfaceAddress& address : request.addresses)
      asked.taken_ports.insert(address.port);
    return kafka_settings(asked);
  }

  /// Named volumes are empty at first, as storage is anyway; a directory of the host would be
  /// written to, and files of settings would go unread.
  static Result<void> check_volumes(const CatalogueRequest& request,
                                    const KafkaSettings& settings) {
    for (const Volume& volume : request.service.volumes) {
      const fs::path target = fs::path(volume.container).lexically_normal();
      // It would hide the storage, be it at its place or above it.
      auto hides = [&](const std::string& directory) {
        const fs::path below = fs::path(directory).lexically_relative(target);
        return !directory.empty() && !below.empty() && *below.begin() != "..";
      };
      bool is_data = hides(settings.metadata_directory);
      for (const std::string& directory : settings.log_directories)
        is_data = is_data || hides(directory);
      if (is_data && volume_path(volume, request.options)) {
        return fail("volume " + volume.host + " at " + volume.container +
                    ": a cell's broker has storage of its own, empty at first");
      }
      if (target.filename() == "server.properties" || target.filename() == "kafka.properties") {
        return fail("volume " + volume.host + " at " + volume.container +
                    ": the broker's settings are variables, as in "
                    "env={\"KAFKA_NUM_PARTITIONS\": \"3\"}");
      }
    }
    return {};
  }
};

}  // namespace

const CatalogueEntry& kafka_entry() {
  static const KafkaEntry entry;
  return entry;
}

}  // namespace mishap::engine
