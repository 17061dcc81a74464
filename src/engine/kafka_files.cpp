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

constexpr size_t kShownLines = 12;

/// What the scripts below have in common: they run in the staging directory, with a broker's
/// options in `java` and its properties in `server.properties`.
constexpr const char* kRunBroker = R"script(
set -u
cd "$MISHAP_STAGING"
export CLASSPATH="$MISHAP_CLASS_PATH"
trap 'rm -f java server.properties log4j*.properties broker.log' EXIT
patience=1200
small=(-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx128m)
format() { "$MISHAP_JAVA" @java kafka.tools.StorageTool format --cluster-id "$MISHAP_CLUSTER" --config server.properties; }
start() {
  "$MISHAP_JAVA" @java "$@" kafka.Kafka server.properties > broker.log 2>&1 &
  broker=$!
  for ((i = 0; i < patience; i++)); do
    grep -q 'Kafka Server started' broker.log && return 0
    kill -0 $broker 2> /dev/null || return 1
    sleep 0.05
  done
  return 1
}
end() { kill -TERM $broker 2> /dev/null; wait $broker; }
)script";

/// Formats, then has a broker make its internal topics: it does so when it is asked for their
/// coordinators (FindCoordinator, version 1, of a group and of a transaction, until there is no
/// error in the answer). Some releases (4.0) let a broker that was there before back in only after
/// its old session has timed out, so whether it starts at once is tried. Where anything fails, what
/// was formatted is all there is.
constexpr const char* kStorageScript = R"script(
format || exit 1
[ -n "$MISHAP_WHOLE_CLUSTER" ] || exit 0
cp -r data formatted
find_coordinator() {
  for ((i = 0; i < 200; i++)); do
    exec 3<> /dev/tcp/localhost/9092 || return 1
    printf '\0\0\0\x13\0\x0a\0\x01\0\0\0\x01\xff\xff\0\x06mishap'"\\$1" >&3
    error=$(head -c 14 <&3 | od -An -tx1 -j12 -N2 | tr -d ' ')
    exec 3>&-
    [ "$error" = 0000 ] && return 0
    sleep 0.05
  done
  return 1
}
starts_again() {
  cp -r data made
  patience=160
  start
  local started=$?
  end
  rm -rf data
  mv made data
  return $started
}
start && find_coordinator 0 && find_coordinator 1
made=$?
end
if [ $made = 0 ] && starts_again; then rm -rf formatted; else rm -rf data; mv formatted data; fi
exit 0
)script";

/// Has a broker serve one producer and one consumer of a group; its JVM writes the archive when it
/// ends.
constexpr const char* kTrainingScript = R"script(
format || exit 1
start -XX:ArchiveClassesAtExit=data/classes.jsa
client() { timeout 20 "$MISHAP_JAVA" "${small[@]}" "$@" > /dev/null 2>&1; }
# A release without these tools makes a smaller archive.
echo one | client kafka.tools.ConsoleProducer --bootstrap-server localhost:9092 --topic training
client org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server localhost:9092 --topic training --from-beginning \
  --max-messages 1 --timeout-ms 5000 --group training
end
cp broker.log data/training.log
rm -rf storage
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

Result<void> make_data_directory(const fs::path& staging) {
  const fs::path data = staging / "data";
  std::error_code error;
  fs::create_directory(data, error);
  if (error) return fail("make " + data.string() + ": " + error.message(), error.value());
  chmod(data.c_str(), 0755);
  return {};
}

/// As many directories as the settings name, below `storage`.
void set_directories(std::map<std::string, std::string>& properties, const KafkaSettings& settings,
                     const fs::path& storage) {
  std::vector<std::string> directories;
  directories.reserve(settings.log_directories.size());
  for (size_t i = 0; i < settings.log_directories.size(); ++i)
    directories.push_back((storage / std::to_string(i)).string());
  properties["log.dirs"] = join(directories, ",");
  if (!settings.metadata_directory.empty())
    properties["metadata.log.dir"] = (storage / std::to_string(directories.size())).string();
}

/// Whether the broker needs nobody else, so that it can be run by itself.
bool is_whole_cluster(const KafkaSettings& settings) {
  const std::string& roles = settings.properties.at("process.roles");
  auto voters = settings.properties.find("controller.quorum.voters");
  return roles.find("broker") != std::string::npos &&
         roles.find("controller") != std::string::npos && voters != settings.properties.end() &&
         voters->second.find(',') == std::string::npos;
}

std::vector<std::string> archive_options(const fs::path& class_archive) {
  if (class_archive.empty()) return {};
  return {"-XX:SharedArchiveFile=" + class_archive.string()};
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

/// What a Java program said that failed, without the places in its stack traces.
std::string without_places(std::string_view output) {
  std::string text;
  for (std::string_view line : split(output, '\n')) {
    if (!line.starts_with("\tat ")) text += std::string(line) + "\n";
  }
  return text;
}

/// Runs a script as the cells' user, with `settings` as the broker's, whose directories are below
/// `storage`.
Result<CommandOutput> run_script(const char* script, const fs::path& staging,
                                 const KafkaPrograms& programs, KafkaSettings settings,
                                 const fs::path& storage, const fs::path& class_archive,
                                 int interrupt_fd) {
  hand_over(staging, sandbox::cell_user());
  set_directories(settings.properties, settings, storage);
  MISHAP_TRY(
      write_configuration(staging, staging, programs, settings, archive_options(class_archive)));
  const bool whole = is_whole_cluster(settings);
  Command command{.argv = {"/bin/bash", "-c", std::string(kRunBroker) + script, "prepare"},
                  .env = clean_environment(),
                  .interrupt_fd = interrupt_fd};
  set_variable(command.env, "MISHAP_STAGING", staging.string());
  set_variable(command.env, "MISHAP_JAVA", programs.java.program.string());
  set_variable(command.env, "MISHAP_CLASS_PATH", programs.class_path());
  set_variable(command.env, "MISHAP_CLUSTER", settings.cluster_id);
  set_variable(command.env, "MISHAP_WHOLE_CLUSTER", whole ? "yes" : "");
  Confinement confinement{.writes = staging, .visible = {programs.java.home, programs.kafka.libs}};
  if (!class_archive.empty()) confinement.visible.push_back(class_archive.parent_path());
  auto output = run_confined(command, confinement);
  if (!output) return fail(std::move(output).error().context("prepare Kafka"));
  return output;
}

}  // namespace

std::string KafkaPrograms::class_path() const {
  std::vector<std::string> paths;
  paths.reserve(kafka.jars.size());
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
                               const fs::path& class_archive, const EngineOptions& options) {
  // What storage depends on; all else may differ between brokers that start with it.
  MISHAP_ASSIGN(KafkaSettings own, plain_settings());
  own.log_directories = settings.log_directories;
  own.metadata_directory = settings.metadata_directory;
  own.cluster_id = settings.cluster_id;
  for (const auto& [name, value] : settings.properties) {
    if (name == "node.id" || name == "inter.broker.protocol.version" ||
        name.starts_with("offsets.topic.") || name.starts_with("transaction.state.log."))
      own.properties[name] = value;
  }
  own.properties["controller.quorum.voters"] = own.properties["node.id"] + "@localhost:9093";
  const bool whole = is_whole_cluster(settings);
  // Not run: several voters are as good as any others.
  if (!whole) own.properties["controller.quorum.voters"] += ",999999@localhost:9094";

  CacheKey key = key_of(programs);
  key.add(kRunBroker).add(kStorageScript).add(properties_text(own.properties));
  key.add(own.cluster_id).add(std::to_string(own.log_directories.size()));
  key.add(own.metadata_directory.empty() ? "" : "metadata");
  auto build = [&](const fs::path& staging) -> Result<void> {
    MISHAP_ASSIGN(CommandOutput output,
                  run_script(kStorageScript, staging, programs, own, staging / "data",
                             class_archive, options.interrupt_fd));
    if (output.exit_code == 0) return {};
    return fail(fmt::format("Kafka's storage could not be prepared (exit code {}):\n  {}",
                            output.exit_code,
                            last_lines(without_places(output.text), kShownLines)));
  };
  return prepared_directory(cache_of(options), "kafka-storage", key.text(), build);
}

Result<fs::path> kafka_class_archive(const KafkaPrograms& programs, const EngineOptions& options) {
  MISHAP_ASSIGN(KafkaSettings settings, plain_settings());
  CacheKey key = key_of(programs);
  key.add(kRunBroker).add(kTrainingScript).add(properties_text(settings.properties));
  auto build = [&](const fs::path& staging) -> Result<void> {
    MISHAP_TRY(make_data_directory(staging));
    hand_over(staging / "data", sandbox::cell_user());
    MISHAP_ASSIGN([[maybe_unused]] CommandOutput output,
                  run_script(kTrainingScript, staging, programs, settings, staging / "storage", "",
                             options.interrupt_fd));
    return {};
  };
  MISHAP_ASSIGN(fs::path directory,
                prepared_directory(cache_of(options), "kafka-classes", key.text(), build));
  std::error_code ignored;
  const fs::path archive = directory / "classes.jsa";
  return fs::exists(archive, ignored) ? archive : fs::path();
}

Result<fs::path> kafka_configuration(const KafkaPrograms& programs, const KafkaSettings& settings,
                                     const fs::path& class_archive, const EngineOptions& options) {
  const std::vector<std::string> java_options = archive_options(class_archive);
  CacheKey key = key_of(programs);
  key.add("configuration 1").add(properties_text(settings.properties));
  key.add(log4j_properties(settings));
  for (const std::string& word : settings.java_options) key.add(word);
  for (const std::string& word : java_options) key.add(word);
  const fs::path cache = fs::absolute(cache_of(options));
  const fs::path place = cache / "kafka-configuration" / key.text() / "data";
  return prepared_directory(
      cache, "kafka-configuration", key.text(), [&](const fs::path& staging) -> Result<void> {
        MISHAP_TRY(make_data_directory(staging));
        return write_configuration(staging / "data", place, programs, settings, java_options);
      });
}

}  // namespace mishap::engine
