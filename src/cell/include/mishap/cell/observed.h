// At which interface of a service an event source is read.
#pragma once

#include <string_view>

#include "mishap/engine/service.h"

namespace mishap::cell {

/// Output and files are read without one.
bool needs_interface(const engine::Observation& observation);
/// Whether servers of this protocol have sources of that kind.
bool serves(std::string_view protocol, const engine::Observation& observation);
/// The first that serves it; null when there is none.
const engine::Interface* observed_interface(const engine::Service& service,
                                            const engine::Observation& observation);

}  // namespace mishap::cell
