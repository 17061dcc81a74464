// Where a broker listens, and what it tells its clients of it.
#pragma once

#include <map>
#include <string>

#include "mishap/base/result.h"

#include "kafka_settings.h"

namespace mishap::engine {

/// Completes `listeners`, `advertised.listeners`, `listener.security.protocol.map` and
/// `controller.quorum.voters`. Clients find the broker under the service's name, which everybody in
/// the cell resolves; its controller listens where only itself does, on a port that no service of
/// the spec has. Error: the interface's port is not among the listeners that were given, so nobody
/// would be served there. The result is the host by which the service itself reaches that port.
Result<std::string> complete_listeners(const KafkaRequest& request,
                                       std::map<std::string, std::string>& properties);

}  // namespace mishap::engine
