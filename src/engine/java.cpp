#include "java.h"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>
#include <glob.h>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "command.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// The value of a line `name = value` among what -XshowSettings prints.
std::string setting(std::string_view text, std::string_view name) {
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!line.starts_with(name)) continue;
    std::string_view rest = trim(line.substr(name.size()));
    if (rest.starts_with("=")) return std::string(trim(rest.substr(1)));
  }
  return {};
}

/// What the program says of itself: version managers put scripts where java is looked for.
std::optional<JavaRuntime> ask(const fs::path& program) {
  std::vector<std::pair<std::string, std::string>> env;
  for (const char* name : {"PATH", "HOME"}) {
    if (const char* value = std::getenv(name)) env.emplace_back(name, value);
  }
  auto output = run_command(
      {.argv = {program.string(), "-XshowSettings:properties", "-version"}, .env = env});
  if (!output || output->exit_code != 0) return std::nullopt;
  JavaRuntime runtime;
  runtime.home = setting(output->text, "java.home");
  runtime.version = setting(output->text, "java.version");
  runtime.program = runtime.home / "bin" / "java";
  if (runtime.home.empty() || !is_executable(runtime.program)) return std::nullopt;
  return runtime;
}

std::optional<JavaRuntime> runtime_of(const fs::path& program) {
  std::error_code error;
  JavaRuntime runtime;
  runtime.program = fs::canonical(program, error);
  if (error) return std::nullopt;
  runtime.home = runtime.program.parent_path().parent_path();
  std::ifstream in(runtime.home / "release");
  std::ostringstream text;
  if (in && (text << in.rdbuf())) runtime.version = java_version_of_release(text.str());
  if (runtime.version.empty()) {
    auto asked = ask(program);
    if (!asked) return std::nullopt;
    runtime = std::move(*asked);
  }
  runtime.major = java_major(runtime.version);
  return runtime;
}

/// Where one looks, with what is there. An empty program: nothing.
struct Place {
  std::string name;
  std::string otherwise;
  std::vector<fs::path> programs;
};

std::vector<Place> places() {
  Place home{"JAVA_HOME", "not set", {}};
  if (const char* directory = std::getenv("JAVA_HOME"); directory != nullptr && *directory) {
    home = {fmt::format("JAVA_HOME={}", directory), "no bin/java", {}};
    const fs::path program = fs::path(directory) / "bin" / "java";
    if (is_executable(program)) home.programs.push_back(program);
  }
  Place path{"PATH", "no java", {}};
  const char* directories = std::getenv("PATH");
  const fs::path program = find_in_path("java", directories ? directories : "");
  if (!program.empty()) path.programs.push_back(program);
  Place installed{"/usr/lib/jvm", "none", {}};
  glob_t found{};
  if (glob("/usr/lib/jvm/*/bin/java", 0, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) installed.programs.emplace_back(found.gl_pathv[i]);
  }
  globfree(&found);
  return {home, path, installed};
}

}  // namespace

int java_major(std::string_view version) {
  if (version.starts_with("1.")) version.remove_prefix(2);
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

std::string java_version_of_release(std::string_view text) {
  constexpr std::string_view kKey = "JAVA_VERSION=";
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(kKey)) continue;
    std::string_view value = trim(line.substr(kKey.size()));
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

JavaSearch find_java(int least) {
  JavaSearch search;
  std::vector<std::string> tried;
  for (const Place& place : places()) {
    std::string what = place.otherwise;
    for (const fs::path& program : place.programs) {
      auto runtime = runtime_of(program);
      if (runtime && runtime->major >= least) {
        search.found = std::move(runtime);
        return search;
      }
      what = runtime ? fmt::format("{} is {}", program.string(), runtime->version)
                     : fmt::format("{} does not say its version", program.string());
    }
    tried.push_back(fmt::format("{} ({})", place.name, what));
  }
  search.tried = join(tried, ", ");
  return search;
}

}  // namespace mishap::engine
