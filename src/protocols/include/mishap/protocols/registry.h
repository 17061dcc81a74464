// The protocols that `interface(name, protocol, port)` may name. Adding one is one folder and one
// line in registry.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mishap/traffic/protocol.h"

namespace mishap::protocols {

/// The protocol of that name, or null.
const traffic::Protocol* find(std::string_view name);

/// All names, sorted; for messages and suggestions.
const std::vector<std::string>& names();

}  // namespace mishap::protocols
