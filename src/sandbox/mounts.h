// Small calls around mount(2) with errors that name the path, and the list of what is mounted.
// Private to the module.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::sandbox {

/// Within a kept directory: what overlays need while mounted, and what they leave there.
inline constexpr std::string_view kWorkDirectory = ".work";
inline constexpr std::string_view kChangesDirectory = "changes";
inline constexpr std::string_view kVolumesDirectory = "volumes";

struct MountPoint {
  std::string path;
  std::string type;
};

/// The visible mount points of /proc/self/mountinfo, one for each path, in the order of their
/// paths.
Result<std::vector<MountPoint>> read_mounts();
/// The same from the file's text (proc_pid_mountinfo(5)); lines that cannot be read are left out.
std::vector<MountPoint> parse_mounts(std::string_view text);
/// Whether `path` is `directory` or lies below it.
bool is_within(std::string_view path, std::string_view directory);

Result<void> mount_tmpfs_at(const std::string& path, const std::string& options);
Result<void> mount_overlay_at(const std::string& path, const std::string& lower,
                              const std::string& upper, const std::string& work);
/// Recursive; `read_only` covers the mounts below as well.
Result<void> bind_mount(const std::string& source, const std::string& path, bool read_only);
/// A copy of the mounts at `path`, attached nowhere.
Result<UniqueFd> clone_mounts(const std::string& path);
Result<void> attach_mounts(const UniqueFd& mounts, const std::string& path);

/// mkdir -p; existing directories are left as they are.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);
/// As make_directories, also where the nearest existing directory is not ours to write: that one is
/// then covered by a tmpfs that shows all it held. For mount points inside a cell.
Result<void> make_room(const std::string& path);
/// Makes the directory or empty file `path` so that something like `model` can be mounted on it.
Result<void> make_mount_target(const std::string& path, bool is_directory);
bool is_directory(const std::string& path);

Result<void> write_file(const std::string& path, std::string_view text, bool create = false);
std::string read_file(const std::string& path);  ///< empty when it cannot be read

}  // namespace mishap::sandbox
