#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <set>

#include <sys/stat.h>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/engine/provision.h"

#include "catalogue.h"
#include "checksum.h"
#include "command.h"
#include "environment.h"
#include "kafka_release.h"
#include "prepared.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// Any that knows copy-dependencies would do; one that is named needs no look-up.
constexpr const char* kPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";
constexpr size_t kShownErrors = 3;

/// A project that depends on exactly the listed files: what they depend on themselves is in the
/// list as well, in the versions that belong together.
std::string project_text() {
  std::string text = R"(<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>mishap</groupId>
  <artifactId>provision-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
)";
  for (const KafkaArtefact& artefact : kafka_artefacts()) {
    text += fmt::format(
        "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>"
        "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        "</exclusions></dependency>\n",
        artefact.group, artefact.name, artefact.version);
  }
  return text + "  </dependencies>\n</project>\n";
}

/// Maven's errors without what it says about itself.
std::string errors_of(std::string_view output) {
  constexpr std::array<std::string_view, 4> kBoilerplate = {
      "To see the full stack trace", "Re-run Maven", "For more information", "[Help"};
  std::vector<std::string> lines;
  for (std::string_view line : split(output, '\n')) {
    line = trim(line);
    if (!line.starts_with("[ERROR]")) continue;
    line = trim(line.substr(std::string_view("[ERROR]").size()));
    line = trim(line.substr(0, line.find(" -> [Help")));
    const bool said = std::any_of(kBoilerplate.begin(), kBoilerplate.end(),
                                  [&](std::string_view start) { return line.starts_with(start); });
    if (!said && !line.empty() && lines.size() < kShownErrors) lines.emplace_back(line);
  }
  return lines.empty() ? last_lines(output, kShownErrors) : join(lines, "\n  ");
}

/// Every listed file is there and is what the list says.
Result<void> check_files(const fs::path& libs) {
  for (const KafkaArtefact& artefact : kafka_artefacts()) {
    const fs::path file = libs / artefact.file();
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return fail(artefact.file() + " is not there");
    MISHAP_ASSIGN(std::string checksum, sha256_of_file(file));
    if (checksum != artefact.sha256) {
      return fail(
          fmt::format("{} is not what it should be\n  its SHA-256:  {}\n  as it should "
                      "be: {}",
                      artefact.file(), checksum, artefact.sha256));
    }
  }
  return {};
}

/// And nothing else is.
Result<void> check_fetched(const fs::path& libs) {
  if (auto checked = check_files(libs); !checked) {
    return fail(fmt::format(
        "mvn did not fetch what belongs to Kafka {}: {}\nnothing was installed. If the file is "
        "damaged in Maven's repository on this machine (~/.m2/repository), remove it there; if "
        "not, ask whoever keeps the repository that Maven's settings name",
        kafka_release(), checked.error().message));
  }
  std::set<std::string> listed;
  for (const KafkaArtefact& artefact : kafka_artefacts()) listed.insert(artefact.file());
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(libs, ignored)) {
    const std::string name = entry.path().filename();
    if (!listed.contains(name))
      return fail(
          fmt::format("mvn fetched {}, which nobody asked for: nothing was installed", name));
  }
  return {};
}

/// The cells' user reads them, whatever the umask.
void open_to_all(const fs::path& data) {
  std::error_code ignored;
  chmod(data.c_str(), 0755);
  for (const auto& entry : fs::recursive_directory_iterator(data, ignored))
    chmod(entry.path().c_str(), entry.is_directory() ? 0755 : 0644);
}

Result<void> fetch(const fs::path& staging, const fs::path& mvn, const ProvisionOptions& options) {
  options.say(fmt::format("fetching Kafka {} ({} files) with {}{}", kafka_release(),
                          kafka_artefacts().size(), mvn.string(),
                          options.offline ? ", offline" : ""));
  const fs::path project = staging / "pom.xml";
  std::ofstream out(project);
  if (!(out << project_text()) || !out.flush()) return fail_errno("write " + project.string());
  out.close();
  const fs::path libs = staging / "data" / "libs";
  Command command{.argv = {mvn.string(), "--batch-mode", "--quiet", "-Dstyle.color=never", "--file",
                           project.string(), std::string(kPlugin) + ":copy-dependencies",
                           "-DoutputDirectory=" + libs.string()},
                  .env = inherited_environment()};
  if (options.offline) command.argv.insert(command.argv.begin() + 1, "--offline");
  MISHAP_ASSIGN(CommandOutput output, run_command(command));
  if (output.exit_code != 0) {
    return fail(
        fmt::format("mvn could not fetch Kafka {} (exit code {}):\n  {}\nwhere it looks, and "
                    "through which proxy, is up to Maven's settings (~/.m2/settings.xml)",
                    kafka_release(), output.exit_code, errors_of(output.text)));
  }
  MISHAP_TRY(check_fetched(libs));
  open_to_all(staging / "data");
  std::error_code ignored;
  fs::remove(project, ignored);
  return {};
}

}  // namespace

Result<fs::path> provision_kafka(const ProvisionOptions& options) {
  fs::path libs = provisioned_kafka(fs::absolute(options.cache_dir));
  const fs::path entry = libs.parent_path().parent_path();
  std::error_code ignored;
  bool fetched = false;
  if (!fs::exists(libs, ignored)) {
    const char* path = std::getenv("PATH");
    const fs::path mvn = find_in_path("mvn", path ? path : "");
    if (mvn.empty()) return fail("no mvn in PATH, which fetches Kafka's files\napt install maven");
    MISHAP_TRY(prepared_directory(fs::absolute(options.cache_dir), "kafka", kafka_release_key(),
                                  [&](const fs::path& staging) {
                                    fetched = true;
                                    return fetch(staging, mvn, options);
                                  }));
  } else if (auto checked = check_files(libs); !checked) {
    return fail(
        fmt::format("Kafka in {} is damaged: {}\nremove {} and run mishap provision kafka "
                    "again",
                    libs.string(), checked.error().message, entry.string()));
  }
  options.say(fmt::format("Kafka {} is {}in {}, all checksums right", kafka_release(),
                          fetched ? "now " : "", libs.string()));
  return libs;
}

}  // namespace mishap::engine
