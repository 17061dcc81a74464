// The files that a cell sees. Runs once in the new mount namespace, before the body. Private to the
// module.
#pragma once

#include "mishap/base/result.h"
#include "mishap/sandbox/cell.h"

namespace mishap::sandbox {

/// Makes the cell's file tree the root of this process and fills in the environment's findings.
/// Falls back to the host's own tree with a private /tmp and /dev/shm when overlays are refused;
/// errors are what even that could not do without.
Result<void> enter_file_tree(const CellOptions& options, CellEnvironment& environment);

}  // namespace mishap::sandbox
