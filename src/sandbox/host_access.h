// What root does before it becomes an ordinary user: everything the cell must see has to be
// reachable for that user. Private.
#pragma once

#include "mishap/base/result.h"
#include "mishap/sandbox/cell.h"

namespace mishap::sandbox {

/// In a mount namespace of its own, covers directories that `user` may not search and shows the
/// wanted paths in them; paths owned by root become readable and, through the cell's overlay,
/// writable for `user` where the file system can do that. Root that may not mount (in a container
/// without CAP_SYS_ADMIN) can do none of this: then it is an error when `user` cannot reach a path.
Result<void> make_paths_reachable(const CellOptions& options, CellUser user);

/// Whether this process has the capability to mount.
bool may_mount();

/// Becomes `user` for good.
Result<void> become(CellUser user);

}  // namespace mishap::sandbox
