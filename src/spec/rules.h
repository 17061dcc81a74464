// Turning `write=deny("ENOSPC")` and `rules=[error(…)]` into rules of a service or interface: one
// resolver for every builtin.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "values.h"
#include "world.h"

namespace mishap::spec {

/// Keywords of fault(service, …) and its like: an op of the service, a family, or a syscall. Errors
/// name the keyword, the nearest known one, and the service. `parameters` are the builtin's own,
/// for one of them that is misspelt. Rules that could never take effect are refused.
Result<std::vector<fault::SyscallRule>> syscall_rules(
    const CallContext& call, const engine::Service& service,
    std::span<const starlark::KeywordArg> keywords, std::span<const std::string> parameters);

/// Rules for an interface; refuses actions and matchers that its protocol does not know, since they
/// would never take effect.
Result<std::vector<fault::ProtocolRule>> protocol_rules(const CallContext& call,
                                                        const InterfaceRef& target,
                                                        std::span<const Value> rules,
                                                        const std::string& source);

/// Trace rules for names of syscalls.
Result<std::vector<fault::SyscallRule>> trace_rules(const CallContext& call,
                                                    const engine::Service& service,
                                                    const std::vector<std::string>& names);

}  // namespace mishap::spec
