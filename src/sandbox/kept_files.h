// What a cell leaves in the directory that its user asked to keep.
#pragma once

#include <string>

namespace mishap::sandbox {

/// Takes away what only says that overlays were mounted there: their work directories, and every
/// directory in which nothing was changed. Once nothing of the cell lives any more. What cannot be
/// taken away stays.
void prune_kept_files(const std::string& keep_directory);

}  // namespace mishap::sandbox
