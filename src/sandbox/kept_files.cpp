#include "kept_files.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include <sys/xattr.h>

#include <unistd.h>

#include "mounts.h"

namespace mishap::sandbox {
namespace {

namespace fs = std::filesystem;

/// DIRECTORY/.work/N/{work,index}, all empty, some with mode 0.
void remove_work_directories(const fs::path& parent) {
  std::error_code ignored;
  for (const auto& layer : fs::directory_iterator(parent, ignored)) {
    for (const char* name : {"work", "index"}) rmdir((layer.path() / name).c_str());
    rmdir(layer.path().c_str());
  }
  rmdir(parent.c_str());
}

/// Stands for a directory whose files were deleted: the overlay says so beside it.
bool hides_the_host(const fs::path& directory) {
  for (const char* name : {"user.overlay.opaque", "trusted.overlay.opaque"}) {
    if (lgetxattr(directory.c_str(), name, nullptr, 0) > 0) return true;
  }
  return false;
}

/// `changed` holds what was changed in `original`. A directory that the cell has made itself is a
/// change, however empty.
void remove_unchanged(const fs::path& changed, const fs::path& original) {
  std::error_code ignored;
  std::vector<fs::path> directories;
  for (const auto& entry : fs::directory_iterator(changed, ignored)) {
    if (entry.symlink_status(ignored).type() == fs::file_type::directory)
      directories.push_back(entry.path().filename());
  }
  for (const fs::path& name : directories) remove_unchanged(changed / name, original / name);
  if (fs::symlink_status(original, ignored).type() == fs::file_type::directory &&
      !hides_the_host(changed))
    rmdir(changed.c_str());
}

}  // namespace

void prune_kept_files(const std::string& keep_directory) {
  const fs::path directory = keep_directory;
  remove_work_directories(directory / kWorkDirectory);
  remove_unchanged(directory / kChangesDirectory, "/");
}

}  // namespace mishap::sandbox
