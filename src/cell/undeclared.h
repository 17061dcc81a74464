// Connections that a spec does not speak of. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mishap/event/event.h"

namespace mishap::cell {

/// One note for each service and address that the service was allowed to connect to although no
/// declared service listens there: "api connects to 10.0.0.7:443, where no declared service
/// listens"; other words where it asks a name server. In order of first appearance. Only services
/// whose connect() is watched are heard of. What a service that is alone in its network (`alone`)
/// does on its loopback concerns nobody else, and nobody listens on port 0: programs connect there
/// to learn what they have. `partitioned`: services that a partition was to cut off, which it
/// cannot do on a loopback that several share.
std::vector<std::string> undeclared_connections(const std::vector<event::Event>& events,
                                                const std::set<std::string>& alone,
                                                const std::set<std::string>& partitioned);

}  // namespace mishap::cell
