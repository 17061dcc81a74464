// The Kafka protocol: filter, steps `publish` and `consume`, readiness.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::kafka {

/// Lives as long as the program; any thread. Its filters share the names of topic ids that they
/// saw (filter.h).
const traffic::Protocol& kafka_protocol();

}  // namespace mishap::protocols::kafka
