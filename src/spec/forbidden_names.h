// What callbacks of monitors and predicates of assume must not mention.
#pragma once

#include <vector>

#include "world.h"

namespace mishap::spec {

/// In every loaded file, the expressions that are written as update= and check= of monitor(…) and
/// as predicates of assume(…) and test(assume=) are looked through; a function that is given by its
/// name is not. Errors: SPEC_FORBIDDEN_LAMBDA, at each name that acts or declares.
std::vector<LoadMessage> check_callbacks(const World& world);

}  // namespace mishap::spec
