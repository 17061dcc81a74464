#include "mishap/engine/probes.h"

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "catalogue.h"

namespace mishap::engine {

std::vector<sandbox::Probe> probe_catalogue() {
  EngineOptions options;
  options.cache_dir = default_cache_dir();
  std::vector<sandbox::Probe> probes;
  for (const CatalogueEntry* entry : catalogue()) {
    sandbox::Probe probe{.name = fmt::format("image {}", entry->name())};
    if (auto installed = entry->installed(options); !installed.empty()) {
      probe.detail = join(installed, "; ");
    } else {
      probe.state = sandbox::Probe::State::missing;
      probe.detail = entry->missing(options);
      probe.remedy =
          fmt::format("{}, or --image {}=PROGRAM", entry->remedy(), entry->images().front());
    }
    probes.push_back(std::move(probe));
    for (sandbox::Probe& need : entry->needs()) probes.push_back(std::move(need));
  }
  return probes;
}

}  // namespace mishap::engine
