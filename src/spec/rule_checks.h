// Rules that can be told to be in vain before anything runs: they would never match, or never show.
#pragma once

#include "values.h"
#include "world.h"

namespace mishap::spec {

/// A fault of calls that cannot fail, a path of calls that have none, a peer of calls that reach
/// none, an errno whose scope the calls never meet. Calls that mostly need no system call are
/// warned of while the spec loads.
Result<void> refuse_vain(const CallContext& call, const fault::SyscallRule& rule);

/// Actions, matchers and answers that the interface's protocol does not know, and values that no
/// request or answer of it can have.
Result<void> refuse_vain(const CallContext& call, const InterfaceRef& target,
                         const fault::ProtocolRule& rule);

}  // namespace mishap::spec
