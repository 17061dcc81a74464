// What service(…) is given, keyword by keyword, as parts of an engine::Service. Errors are for the
// spec's author, at the call.
#pragma once

#include "mishap/engine/service.h"

#include "binding.h"

namespace mishap::spec {

Result<void> take_env(CallContext& call, const Value& dict, engine::Service& service);
Result<void> take_volumes(CallContext& call, const Value& dict, engine::Service& service);
/// Notes those that have no effect, so the interfaces must be known.
Result<void> take_ports(CallContext& call, const Value& dict, engine::Service& service);
Result<void> take_depends(CallContext& call, const Value& list, engine::Service& service);
Result<void> take_observe(CallContext& call, const Value& list, engine::Service& service);
Result<void> take_ops(CallContext& call, const Value& dict, engine::Service& service);

}  // namespace mishap::spec
