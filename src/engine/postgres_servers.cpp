#include "postgres_servers.h"

#include <charconv>
#include <cstdlib>
#include <set>

#include <glob.h>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "command.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> candidate_directories() {
  std::vector<fs::path> directories;
  for (const char* pattern :
       {"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/libexec/postgresql*"}) {
    glob_t found{};
    if (glob(pattern, 0, nullptr, &found) == 0) {
      for (size_t i = 0; i < found.gl_pathc; ++i) directories.emplace_back(found.gl_pathv[i]);
    }
    globfree(&found);
  }
  const char* path = std::getenv("PATH");
  const std::string search =
      std::string(path ? path : "") + ":/usr/bin:/usr/local/bin:/usr/local/pgsql/bin";
  if (const fs::path server = find_in_path("postgres", search); !server.empty()) {
    std::error_code ignored;
    directories.push_back(fs::canonical(server, ignored).parent_path());
  }
  if (const fs::path config = find_in_path("pg_config", search); !config.empty()) {
    auto output = run_command({.argv = {config.string(), "--bindir"}});
    if (output && output->exit_code == 0) directories.emplace_back(trim(output->text));
  }
  return directories;
}

/// The versions "15.20" and "15.9" as numbers.
std::pair<int, int> order_of(const PostgresServer& server) {
  int minor = 0;
  const size_t dot = server.version.find('.');
  if (dot != std::string::npos) {
    std::from_chars(server.version.data() + dot + 1, server.version.data() + server.version.size(),
                    minor);
  }
  return {server.major, minor};
}

}  // namespace

std::optional<PostgresServer> parse_postgres_version(const fs::path& directory,
                                                     const std::string& text) {
  constexpr std::string_view kMarker = "(PostgreSQL) ";
  const size_t at = text.find(kMarker);
  if (at == std::string::npos) return std::nullopt;
  const size_t begin = at + kMarker.size();
  PostgresServer server;
  server.directory = directory;
  server.version = text.substr(begin, text.find_first_of(" \n", begin) - begin);
  auto [end, error] = std::from_chars(server.version.data(),
                                      server.version.data() + server.version.size(), server.major);
  if (error != std::errc()) return std::nullopt;
  return server;
}

std::vector<PostgresServer> find_postgres_servers() {
  std::vector<PostgresServer> servers;
  std::set<fs::path> seen;
  for (const fs::path& directory : candidate_directories()) {
    if (!seen.insert(directory).second || !is_executable(directory / "initdb")) continue;
    auto output = run_command({.argv = {(directory / "postgres").string(), "--version"}});
    if (!output || output->exit_code != 0) continue;
    if (auto server = parse_postgres_version(directory, output->text)) servers.push_back(*server);
  }
  return servers;
}

const PostgresServer* choose_server(const std::vector<PostgresServer>& servers,
                                    std::optional<int> wanted) {
  const PostgresServer* best = nullptr;
  auto fits = [&](const PostgresServer& server) { return !wanted || server.major <= *wanted; };
  for (const PostgresServer& server : servers) {
    if (!best || (fits(server) && !fits(*best)) ||
        (fits(server) == fits(*best) && order_of(server) > order_of(*best))) {
      best = &server;
    }
  }
  return best;
}

}  // namespace mishap::engine
