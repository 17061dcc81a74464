// Connections that a spec does not speak of. Pure.
#pragma once

#include <string>
#include <vector>

#include "mishap/event/event.h"

namespace mishap::cell {

/// One note for each service and address that the service was allowed to connect to although no
/// declared service listens there: "api connects to 10.0.0.7:443, where no declared service
/// listens". In order of first appearance. Only services whose connect() is watched are heard of.
std::vector<std::string> undeclared_connections(const std::vector<event::Event>& events);

}  // namespace mishap::cell
