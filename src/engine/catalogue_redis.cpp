// redis, as the official image runs it: no protected mode, data in /data, command-line words after
// the image's name are either a whole command that begins with redis-server or what would follow
// it.
#include <cstdlib>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "command.h"
#include "environment.h"

namespace mishap::engine {
namespace {

class RedisEntry final : public CatalogueEntry {
 public:
  std::string_view name() const override { return "redis"; }
  std::vector<std::string> images() const override { return {"redis"}; }
  std::vector<std::string> installed(const EngineOptions&) const override {
    const std::filesystem::path server = find_server();
    if (server.empty()) return {};
    auto text = described(server);
    return {text ? *text : text.error().message};
  }
  std::string missing(const EngineOptions&) const override { return "no redis-server in PATH"; }
  std::string remedy() const override { return "apt install redis-server"; }
  std::vector<std::string> handled_volumes(const Service&) const override { return {}; }

  Result<std::optional<Launch>> launch(const CatalogueRequest& request) const override {
    const std::filesystem::path server = find_server();
    if (server.empty()) return std::optional<Launch>();

    std::vector<std::string> args = request.service.args;
    if (!args.empty() && args.front() == "redis-server") args.erase(args.begin());
    const bool has_config = !args.empty() && args.front().ends_with(".conf");
    if (!args.empty() && !has_config && !args.front().starts_with("-")) {
      return fail(
          "args= of the redis image must be flags, a .conf file or a command that begins with "
          "redis-server, not \"" +
          args.front() + "\"");
    }
    Launch launch;
    const ListeningPort port = server_port(request.service, "redis", 6379);
    launch.argv = {server.string()};
    if (has_config) {
      launch.argv.push_back(args.front());
      args.erase(args.begin());
    }
    // The image is built with protected mode off; what the spec says comes later and wins.
    for (const std::string& word :
         {std::string("--port"), std::to_string(port.port), std::string("--protected-mode"),
          std::string("no"), std::string("--dir"), std::string("/data")}) {
      launch.argv.push_back(word);
    }
    launch.argv.insert(launch.argv.end(), args.begin(), args.end());
    launch.env = service_environment(clean_environment(), request.service, request.addresses);
    launch.private_dirs = {"/data"};
    launch.cwd = "/data";
    launch.ports = {port};
    launch.readiness_protocol = "redis";
    MISHAP_ASSIGN(launch.description, described(server));
    return std::optional(std::move(launch));
  }

 private:
  static std::filesystem::path find_server() {
    const char* path = std::getenv("PATH");
    return find_in_path("redis-server", std::string(path ? path : "") + ":/usr/bin:/usr/local/bin");
  }

  static Result<std::string> described(const std::filesystem::path& server) {
    MISHAP_ASSIGN(std::string version, version_of(server));
    return "Redis " + version + " from " + server.string();
  }

  /// "Redis server v=7.0.15 sha=00000000:0 …" → "7.0.15".
  static Result<std::string> version_of(const std::filesystem::path& server) {
    MISHAP_ASSIGN(CommandOutput output, run_command({.argv = {server.string(), "--version"}}));
    const size_t at = output.text.find("v=");
    if (at == std::string::npos) return std::string("(unknown version)");
    return output.text.substr(at + 2, output.text.find(' ', at) - at - 2);
  }
};

}  // namespace

const CatalogueEntry& redis_entry() {
  static const RedisEntry entry;
  return entry;
}

}  // namespace mishap::engine
