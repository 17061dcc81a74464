// What cells need before the first of them starts.
#pragma once

#include "worker.h"

namespace mishap::run {

/// Looks whether cells can be had here, finds (and where needed prepares) the programs of all
/// services, makes the directory of what is kept. Error: what is missing; "interrupted" once
/// `interrupt_fd` (-1: none) is readable.
Result<void> prepare(CellFrame& frame, int interrupt_fd = -1);

}  // namespace mishap::run
