// Which of the catalogue's programs this machine has.
#pragma once

#include <vector>

#include "mishap/sandbox/probes.h"

namespace mishap::engine {

/// One probe for each image of the catalogue: the programs that answer for it and where they were
/// found, or how to get one. Asks them for their versions.
std::vector<sandbox::Probe> probe_catalogue();

}  // namespace mishap::engine
