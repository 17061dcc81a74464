// Network links of a cell. Private to the module.
#pragma once

#include "mishap/base/result.h"

namespace mishap::sandbox {

/// Makes a bridge and a pair of virtual Ethernet devices in the caller's network namespace, and
/// leaves them there. Error: which of them the kernel refused.
Result<void> try_links();

}  // namespace mishap::sandbox
