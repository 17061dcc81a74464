// The predicates of assume(…) and test(assume=).
#pragma once

#include <string>

#include "world.h"

namespace mishap::spec {

/// `predicate` is a truth, or a function that is called with the choices of the test.
Result<bool> assumption_holds(Thread& thread, const Value& predicate);
/// "assume(enough_memory)".
std::string assumption_text(const Value& predicate);

}  // namespace mishap::spec
