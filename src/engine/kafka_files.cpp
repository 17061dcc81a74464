#include "kafka_files.h"

#include <fstream>

#include <sys/stat.h>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/sandbox/cell.h"

#include "command.h"
#include "environment.h"
#include "prepared.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// Runs a broker until it has started, has it serve one producer and one consumer of a group, and
/// ends it, upon which its JVM writes the archive.
constexpr const char* kTrainingScript = R"script(
set -u
cd "$MISHAP_STAGING"
export CLASSPATH="$MISHAP_CLASS_PATH"
cp -r "$MISHAP_STORAGE" storage
"$MISHAP_JAVA" @java -XX:ArchiveClassesAtExit=data/classes.jsa kafka.Kafka server.properties > broker.log 2>&1 &
broker=$!
for ((i = 0; i < 1200; i++)); do
  grep -q 'Kafka Server started' broker.log && break
  kill -0 $broker 2> /dev/null || break
  sleep 0.05
done
client() { timeout 20 "$MISHAP_JAVA" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m "$@" > /dev/null 2>&1; }
# A release without these tools makes a smaller archive.
echo one | client kafka.tools.ConsoleProducer --bootstrap-server localhost:9092 --topic training
client org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server localhost:9092 --topic training --from-beginning \
  --max-messages 1 --timeout-ms 5000 --group training
kill -TERM $broker
wait $broker
mv broker.log data/training.log
rm -rf storage java server.properties log4j.properties
exit 0
)script";

fs::path cache_of(const EngineOptions& options) {
  return options.cache_dir.empty() ? default_cache_dir() : options.cache_dir;
}

/// What is prepared depends on the programs and on who will read it.
CacheKey key_of(const KafkaPrograms& programs) {
  CacheKey key;
  key.add(programs.java.program.string()).add(programs.java.version);
  key.add(programs.kafka.libs.string()).add(programs.kafka.version);
  key.add(std::to_string(sandbox::cell_user().uid));
  for (const std::string& jar : programs.kafka.jars) {
    // A JVM compares the time and size of each jar with those in the archive.
    struct stat info{};
    stat((programs.kafka.libs / jar).c_str(), &info);
    key.add(fmt::format("{} {} {}", jar, info.st_size, info.st_mtim.tv_sec));
  }
  return key;
}

/// Settings of a broker that only exists for a moment in a confinement of its own.
Result<KafkaSettings> plain_settings() {
  KafkaRequest request;
  request.service = "localhost";
  request.port = {9092, ""};
  return kafka_settings(request);
}

Result<void> write_file(const fs::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  if (!(out << text) || !out.flush()) return fail_errno("write " + path.string());
  out.close();
  // Settings may hold passwords.
  chmod(path.c_str(), 0600);
  hand_over(path, sandbox::cell_user());
  return {};
}

/// As many directories as the settings name, below `storage`.
void set_directories(std::map<std::string, std::string>& properties, const KafkaSettings& settings,
                     const fs::path& storage) {
  std::vector<std::string> directories;
  for (size_t i = 0; i < settings.log_directories.size(); ++i)
    directories.push_back((storage / std::to_string(i)).string());
  properties["log.dirs"] = join(directories, ",");
  if (!settings.metadata_directory.empty())
    properties["metadata.log.dir"] = (storage / std::to_string(directories.size())).string();
}

std::string log4j_properties(const KafkaSettings& settings) {
  std::map<std::string, std::string> lines = {
      {"log4j.rootLogger", settings.root_level + ", stdout"},
      {"log4j.appender.stdout", "org.apache.log4j.ConsoleAppender"},
      {"log4j.appender.stdout.layout", "org.apache.log4j.PatternLayout"},
      {"log4j.appender.stdout.layout.ConversionPattern", "[%d] %p %m (%c)%n"}};
  for (const auto& [name, level] : settings.loggers) lines["log4j.logger." + name] = level;
  return properties_text(lines);
}

/// The same for the library that Kafka 4 brings.
std::string log4j2_properties(const KafkaSettings& settings) {
  std::map<std::string, std::string> lines = {
      {"rootLogger.level", settings.root_level},
      {"rootLogger.appenderRef.stdout.ref", "stdout"},
      {"appender.stdout.name", "stdout"},
      {"appender.stdout.type", "Console"},
      {"appender.stdout.layout.type", "PatternLayout"},
      {"appender.stdout.layout.pattern", "[%d] %p %m (%c)%n"}};
  int number = 0;
  for (const auto& [name, level] : settings.loggers) {
    const std::string logger = fmt::format("logger.l{}", number++);
    lines[logger + ".name"] = name;
    lines[logger + ".level"] = level;
  }
  return properties_text(lines);
}

bool logs_by_log4j2(const KafkaInstallation& kafka) {
  for (const std::string& jar : kafka.jars) {
    if (jar.starts_with("log4j-core-2")) return true;
  }
  return false;
}

/// Writes the files of a configuration into `directory`; they will be read in `place`.
Result<void> write_configuration(const fs::path& directory, const fs::path& place,
                                 const KafkaPrograms& programs, const KafkaSettings& settings,
                                 const std::vector<std::string>& java_options) {
  const bool log4j2 = logs_by_log4j2(programs.kafka);
  const fs::path log_file = log4j2 ? "log4j2.properties" : "log4j.properties";
  std::vector<std::string> words = {
      // The file it would keep for other programs to look at is written all the time.
      "-XX:-UsePerfData", "-Djava.awt.headless=true",
      // That an archive does not fit is no news of the broker.
      "-Xlog:disable", "-Xlog:all=error:stderr",
      fmt::format("-D{}=file:{}", log4j2 ? "log4j2.configurationFile" : "log4j.configuration",
                  (place / log_file).string())};
  words.insert(words.end(), java_options.begin(), java_options.end());
  words.insert(words.end(), settings.java_options.begin(), settings.java_options.end());
  MISHAP_TRY(write_file(directory / "java", argument_file(words)));
  MISHAP_TRY(write_file(directory / log_file,
                        log4j2 ? log4j2_properties(settings) : log4j_properties(settings)));
  return write_file(directory / "server.properties", properties_text(settings.properties));
}

Result<void> format(const fs::path& staging, const KafkaPrograms& programs,
                    const KafkaSettings& settings,
                    const std::map<std::string, std::string>& properties, int interrupt_fd) {
  hand_over(staging, sandbox::cell_user());
  auto own = properties;
  set_directories(own, settings, staging / "data");
  MISHAP_TRY(write_file(staging / "format.properties", properties_text(own)));
  Command command{.argv = {programs.java.program.string(), "-XX:TieredStopAtLevel=1",
                           "-XX:+UseSerialGC", "-Xmx128m", "kafka.tools.StorageTool", "format",
                           "--cluster-id", settings.cluster_id, "--config",
                           (staging / "format.properties").string()},
                  .env = clean_environment(),
                  .interrupt_fd = interrupt_fd};
  set_variable(command.env, "CLASSPATH", programs.class_path());
  auto output = run_confined(
      command, {.writes = staging, .visible = {programs.java.home, programs.kafka.libs}});
  if (!output) return fail(std::move(output).error().context("prepare Kafka"));
  if (output->exit_code != 0) {
    return fail(fmt::format("Kafka's storage could not be prepared (exit code {}):\n  {}",
                            output->exit_code, last_lines(output->text, 12)));
  }
  std::error_code ignored;
  fs::remove(staging / "format.properties", ignored);
  return {};
}

Result<void> train(const fs::path& staging, const KafkaPrograms& programs,
                   const KafkaSettings& settings, const fs::path& storage, int interrupt_fd) {
  hand_over(staging, sandbox::cell_user());
  const fs::path data = staging / "data";
  std::error_code error;
  fs::create_directory(data, error);
  if (error) return fail("make " + data.string() + ": " + error.message(), error.value());
  hand_over(data, sandbox::cell_user());
  KafkaSettings own = settings;
  set_directories(own.properties, own, staging / "storage");
  MISHAP_TRY(write_configuration(staging, staging, programs, own, {}));
  Command command{.argv = {"/bin/bash", "-c", kTrainingScript, "train"},
                  .env = clean_environment(),
                  .interrupt_fd = interrupt_fd};
  set_variable(command.env, "MISHAP_STAGING", staging.string());
  set_variable(command.env, "MISHAP_STORAGE", storage.string());
  set_variable(command.env, "MISHAP_JAVA", programs.java.program.string());
  set_variable(command.env, "MISHAP_CLASS_PATH", programs.class_path());
  auto output = run_confined(
      command,
      {.writes = staging, .visible = {programs.java.home, programs.kafka.libs, storage}});
  if (!output) return fail(std::move(output).error().context("prepare Kafka's class archive"));
  return {};
}

}  // namespace

std::string KafkaPrograms::class_path() const {
  std::vector<std::string> paths;
  for (const std::string& jar : kafka.jars) paths.push_back((kafka.libs / jar).string());
  return join(paths, ":");
}

std::string argument_file(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    std::string escaped = replace_all(replace_all(word, "\\", "\\\\"), "\"", "\\\"");
    text += "\"" + replace_all(std::move(escaped), "\n", "\\n") + "\"\n";
  }
  return text;
}

Result<fs::path> kafka_storage(const KafkaPrograms& programs, const KafkaSettings& settings,
                               const EngineOptions& options) {
  // What the tool looks at; all else may differ between brokers of one storage.
  MISHAP_ASSIGN(KafkaSettings plain, plain_settings());
  std::map<std::string, std::string>& properties = plain.properties;
  properties["node.id"] = settings.properties.at("node.id");
  properties["controller.quorum.voters"] = properties["node.id"] + "@localhost:9093";
  const auto format_version = settings.properties.find("inter.broker.protocol.version");
  if (format_version != settings.properties.end()) properties.insert(*format_version);

  CacheKey key = key_of(programs);
  key.add("storage 1").add(properties_text(properties)).add(settings.cluster_id);
  key.add(std::to_string(settings.log_directories.size()));
  key.add(settings.metadata_directory.empty() ? "" : "metadata");
  return prepared_directory(cache_of(options), "kafka-storage", key.text(),
                            [&](const fs::path& staging) {
                              return format(staging, programs, settings, properties,
                                            options.interrupt_fd);
                            });
}

Result<fs::path> kafka_class_archive(const KafkaPrograms& programs, const EngineOptions& options) {
  MISHAP_ASSIGN(KafkaSettings settings, plain_settings());
  MISHAP_ASSIGN(fs::path storage, kafka_storage(programs, settings, options));
  CacheKey key = key_of(programs);
  key.add("classes 1").add(kTrainingScript).add(properties_text(settings.properties));
  MISHAP_ASSIGN(fs::path directory,
                prepared_directory(cache_of(options), "kafka-classes", key.text(),
                                   [&](const fs::path& staging) {
                                     return train(staging, programs, settings, storage,
                                                  options.interrupt_fd);
                                   }));
  std::error_code ignored;
  const fs::path archive = directory / "classes.jsa";
  return fs::exists(archive, ignored) ? archive : fs::path();
}

Result<fs::path> kafka_configuration(const KafkaPrograms& programs, const KafkaSettings& settings,
                                     const fs::path& class_archive, const EngineOptions& options) {
  std::vector<std::string> java_options;
  if (!class_archive.empty())
    java_options.push_back("-XX:SharedArchiveFile=" + class_archive.string());
  CacheKey key = key_of(programs);
  key.add("configuration 1").add(properties_text(settings.properties));
  key.add(log4j_properties(settings));
  for (const std::string& word : settings.java_options) key.add(word);
  for (const std::string& word : java_options) key.add(word);
  const fs::path cache = fs::absolute(cache_of(options));
  const fs::path place = cache / "kafka-configuration" / key.text() / "data";
  return prepared_directory(
      cache, "kafka-configuration", key.text(), [&](const fs::path& staging) -> Result<void> {
        std::error_code error;
        fs::create_directory(staging / "data", error);
        if (error) return fail("make " + place.string() + ": " + error.message(), error.value());
        chmod((staging / "data").c_str(), 0755);
        return write_configuration(staging / "data", place, programs, settings, java_options);
      });
}

}  // namespace mishap::engine
