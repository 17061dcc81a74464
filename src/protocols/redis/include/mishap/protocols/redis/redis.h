// Redis (RESP2 and RESP3): steps get set del ping keys lpush rpush lrange incr command, faults
// error response delay drop, matched by command and key.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::redis {

/// Credentials of steps and readiness: arguments `user`, `password`, else REDIS_USER and
/// REDIS_PASSWORD of the service's environment.
const traffic::Protocol& redis_protocol();

}  // namespace mishap::protocols::redis
