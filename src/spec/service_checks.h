// What must hold of a service as a whole, once all that its call gives is taken. Errors are for the
// spec's author, at the call.
#pragma once

#include "mishap/engine/service.h"

#include "binding.h"

namespace mishap::spec {

/// It has something to ask. One that asks a port that the service does not declare, or otherwise
/// than that port speaks, is warned of.
Result<void> check_healthcheck(CallContext& call, const engine::Service& service);
/// Topics and logs are read at an interface that serves them.
Result<void> check_observe(CallContext& call, const engine::Service& service);
/// Binaries share the cell's loopback, so there a port can have one owner.
Result<void> refuse_port_clash(CallContext& call, const engine::Service& service);

}  // namespace mishap::spec
