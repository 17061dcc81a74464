// Arguments that the builtins which declare tests share.
#pragma once

#include <vector>

#include "world.h"

namespace mishap::spec {

/// What expectations are called with; bodies, setups and scenarios are called with nothing.
inline constexpr const char* kResult[] = {"the result"};
/// What predicates of assume are called with.
inline constexpr const char* kChoices[] = {"the choices"};
inline const starlark::TypeSet kAssumePredicate =
    (starlark::types::kBool | starlark::types::kCallable)
        .described("function of the choices, or bool");
inline const starlark::TypeSet kAssumption = starlark::types::host("fault_assumption");

/// Adds a test. Error when there is one of its name.
Result<void> add_test(CallContext& call, TestDeclaration test);
/// The monitors of a list, which then watch only where they are listed.
Result<std::vector<Value>> claim_monitors(CallContext& call, const Value& list);
/// timeout= at `index`; "" is the default, as when it is left out.
Result<Nanoseconds> timeout_of(CallContext& call, size_t index);
Result<void> take_drain(CallContext& call, size_t index, TestDeclaration& test);
/// The predicates of assume= at `index`, a list: functions of the choices, or truths.
Result<std::vector<Value>> assumption_predicates(CallContext& call, size_t index);
/// One assumption or a list of them.
Result<std::vector<Value>> assumption_list(CallContext& call, const Value& value);

}  // namespace mishap::spec
