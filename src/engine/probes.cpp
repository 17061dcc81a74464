#include "mishap/engine/probes.h"

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "catalogue.h"

namespace mishap::engine {

std::vector<sandbox::Probe> probe_catalogue() {
  std::vector<sandbox::Probe> probes;
  for (const CatalogueEntry* entry : catalogue()) {
    sandbox::Probe probe{.name = fmt::format("image {}", entry->image())};
    if (auto installed = entry->installed(); !installed.empty()) {
      probe.detail = join(installed, "; ");
    } else {
      probe.state = sandbox::Probe::State::missing;
      probe.detail = entry->missing();
      probe.remedy = fmt::format("{}, or --image {}=PROGRAM", entry->remedy(), entry->image());
    }
    probes.push_back(std::move(probe));
  }
  return probes;
}

}  // namespace mishap::engine
