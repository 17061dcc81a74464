#include "mishap/cell/observed.h"

#include <algorithm>

#include "mishap/protocols/registry.h"

namespace mishap::cell {

using engine::Observation;

bool needs_interface(const Observation& observation) {
  return observation.source == Observation::Source::topic ||
         observation.source == Observation::Source::wal_stream;
}

bool serves(std::string_view protocol_name, const Observation& observation) {
  const traffic::Protocol* protocol = protocols::find(protocol_name);
  if (protocol == nullptr) return false;
  const auto& sources = protocol->sources();
  return std::find(sources.begin(), sources.end(), to_string(observation.source)) != sources.end();
}

const engine::Interface* observed_interface(const engine::Service& service,
                                            const Observation& observation) {
  auto found =
      std::find_if(service.interfaces.begin(), service.interfaces.end(),
                   [&](const engine::Interface& i) { return serves(i.protocol, observation); });
  return found == service.interfaces.end() ? nullptr : &*found;
}

}  // namespace mishap::cell
