// The PostgreSQL protocol (version 3): filter, steps `query` and `exec`, readiness.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::postgres {

/// Stateless, lives as long as the program; any thread.
const traffic::Protocol& postgres_protocol();

}  // namespace mishap::protocols::postgres
