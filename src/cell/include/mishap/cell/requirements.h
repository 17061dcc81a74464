// Whether cells can be run on this machine at all.
#pragma once

#include "mishap/base/result.h"

namespace mishap::cell {

/// Tries everything that no cell can do without, in a cell and a child (a few milliseconds). The
/// error has the words and the remedy of `mishap doctor`. The caller must have one thread.
Result<void> check_requirements();

}  // namespace mishap::cell
