#include "kafka_installation.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "kafka_release.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// Where the jars are below the directory that an archive, a package or a formula installs.
constexpr const char* kLibraries[] = {"libs", "libexec/libs", "share/java/kafka"};

/// One place of the search: the directories that may hold the jars there.
struct Place {
  std::string name;
  std::string otherwise;
  std::vector<fs::path> libs;
};

std::vector<fs::path> libraries_of(const fs::path& home) {
  std::vector<fs::path> libs;
  for (const char* below : kLibraries) libs.push_back(home / below);
  return libs;
}

Place place_of_home() {
  const char* home = std::getenv("KAFKA_HOME");
  if (home == nullptr || !*home) return {"KAFKA_HOME", "not set", {}};
  return {fmt::format("KAFKA_HOME={}", home), "no kafka_*.jar in its libs",
          libraries_of(fs::absolute(home))};
}

Place place_of_path() {
  const char* path = std::getenv("PATH");
  for (const char* script :
       {"kafka-server-start.sh", "kafka-server-start", "kafka-run-class.sh", "kafka-run-class"}) {
    const fs::path found = find_in_path(script, path ? path : "");
    if (found.empty()) continue;
    std::error_code ignored;
    const fs::path home = fs::canonical(found, ignored).parent_path().parent_path();
    return {fmt::format("PATH with {}", found.string()), "no kafka_*.jar beside it",
            libraries_of(home)};
  }
  return {"PATH", "neither kafka-server-start.sh nor kafka-run-class", {}};
}

bool is_of_the_broker(std::string_view name) {
  auto ends = [&](std::string_view end) { return name.ends_with(end); };
  return ends(".jar") && !ends("-sources.jar") && !ends("-javadoc.jar") && !ends("-test.jar") &&
         !ends("-test-sources.jar") && !ends("-scaladoc.jar");
}

}  // namespace

std::string kafka_version_of_jar(std::string_view file_name) {
  constexpr std::string_view kStart = "kafka_2.", kEnd = ".jar";
  if (!file_name.starts_with(kStart) || !is_of_the_broker(file_name)) return {};
  const size_t dash = file_name.find('-');
  if (dash == std::string_view::npos) return {};
  std::string_view version = file_name.substr(dash + 1, file_name.size() - dash - 1 - kEnd.size());
  if (version.empty() || version.front() < '0' || version.front() > '9') return {};
  return std::string(version);
}

bool runs_without_zookeeper(std::string_view version) {
  int major = 0, minor = 0;
  const char* end = std::to_address(version.end());
  auto read = std::from_chars(std::to_address(version.begin()), end, major);
  if (read.ptr != end && *read.ptr == '.') std::from_chars(read.ptr + 1, end, minor);
  return major > 3 || (major == 3 && minor >= 3);
}

std::optional<KafkaInstallation> read_kafka(const fs::path& libs) {
  KafkaInstallation kafka{libs, {}, ""};
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(libs, ignored)) {
    const std::string name = entry.path().filename();
    if (!is_of_the_broker(name)) continue;
    kafka.jars.push_back(name);
    if (kafka.version.empty()) kafka.version = kafka_version_of_jar(name);
  }
  if (kafka.version.empty()) return std::nullopt;
  std::sort(kafka.jars.begin(), kafka.jars.end());
  return kafka;
}

KafkaSearch find_kafka(const fs::path& cache) {
  const fs::path provisioned = provisioned_kafka(cache);
  KafkaSearch search;
  std::vector<std::string> tried;
  for (const Place& place : {place_of_home(), place_of_path(),
                             Place{provisioned.string(), "not there", {provisioned}}}) {
    std::string what = place.otherwise;
    for (const fs::path& libs : place.libs) {
      auto kafka = read_kafka(libs);
      if (!kafka) continue;
      if (runs_without_zookeeper(kafka->version)) {
        search.found = std::move(kafka);
        return search;
      }
      what = fmt::format("{} needs ZooKeeper; 3.3 and newer do not", kafka->version);
    }
    tried.push_back(fmt::format("{} ({})", place.name, what));
  }
  search.tried = join(tried, ", ");
  return search;
}

}  // namespace mishap::engine
