#include "prepare.h"

#include <cstdlib>

#include <sys/stat.h>

#include <fmt/format.h>

#include "mishap/cell/requirements.h"
#include "mishap/net/tls.h"

namespace mishap::run {
namespace {

Result<std::map<std::string, engine::Launch>> find_programs(const spec::Spec& spec,
                                                            const engine::EngineOptions& options) {
  std::map<std::string, engine::Launch> launches;
  for (const auto& service : spec.services()) {
    auto launch =
        engine::resolve(service, options, engine::interface_addresses(spec.services(), service));
    if (!launch) {
      return fail(fmt::format("{}\n  declared at {}", launch.error().message, service.pos.text()),
                  launch.error().code);
    }
    launches[service.name] = std::move(*launch);
  }
  // Two databases of one cell share its files, so their data directories are told apart.
  engine::separate_directories(launches);
  MISHAP_TRY(engine::check_shared_volumes(launches));
  return launches;
}

/// One authority for the whole run: cells are forked from here, so that its key is in memory alone.
Result<void> prepare_tls(CellFrame& frame) {
  for (const auto& service : frame.spec.services()) {
    for (const auto& interface : service.interfaces) {
      if (interface.tls == nullptr || frame.authority != nullptr) continue;
      MISHAP_ASSIGN(frame.authority, net::Authority::generate());
      net::load_system_roots();
    }
  }
  return {};
}

Result<std::string> make_keep_root() {
  const char* temporary = std::getenv("TMPDIR");
  std::string path =
      fmt::format("{}/mishap-kept.XXXXXX", temporary != nullptr ? temporary : "/tmp");
  if (mkdtemp(path.data()) == nullptr) return fail_errno("cannot make " + path);
  chmod(path.c_str(), 0755);
  return path;
}

}  // namespace

Result<void> prepare(CellFrame& frame, int interrupt_fd) {
  MISHAP_TRY(cell::check_requirements());
  engine::EngineOptions engine = frame.options.engine;
  engine.interrupt_fd = interrupt_fd;
  MISHAP_ASSIGN(frame.launches, find_programs(frame.spec, engine));
  MISHAP_TRY(prepare_tls(frame));
  if (frame.options.keep) {
    MISHAP_ASSIGN(frame.keep_root, make_keep_root());
  }
  return {};
}

}  // namespace mishap::run
