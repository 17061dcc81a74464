// mishap doctor
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>

#include "mishap/engine/native.h"
#include "mishap/sandbox/cell.h"
#include "mishap/sandbox/process.h"

#include "commands.h"

namespace mishap::cli {
namespace {

bool line(std::string_view what, const Result<void>& result, std::string_view lost) {
  std::cout << fmt::format("{:<24} {}\n", what,
                           result ? "ok" : "missing: " + result.error().message);
  if (!result && !lost.empty()) std::cout << fmt::format("{:<24} {}\n", "", lost);
  return result.has_value();
}

/// Whether the catalogue can answer for an image.
Result<void> catalogue(const char* image, std::vector<std::pair<std::string, std::string>> env) {
  engine::Service service;
  service.name = "probe";
  service.source = engine::Service::Source::image;
  service.text = image;
  service.env = std::move(env);
  engine::EngineOptions options;
  options.cache_dir = engine::default_cache_dir();
  MISHAP_ASSIGN([[maybe_unused]] auto launch, engine::resolve(service, options, {}));
  return {};
}

}  // namespace

int run_doctor() {
  bool namespaces = line("user namespaces", sandbox::can_unprivileged_userns(),
                         "without them no service can be started");
  line("overlay file systems", sandbox::overlay_works(),
       "services then see the host's files as they are, only /tmp is private");
  const char* path = std::getenv("PATH");
  auto program = [&](const char* name) -> Result<void> {
    MISHAP_ASSIGN([[maybe_unused]] auto found,
                  sandbox::find_program(name, path == nullptr ? "" : path));
    return {};
  };
  line("image redis", program("redis-server"),
       "apt install redis-server, or --image redis=PROGRAM");
  line("image postgres", catalogue("postgres", {{"POSTGRES_PASSWORD", "x"}}), "");
  return namespaces ? 0 : 1;
}

}  // namespace mishap::cli
