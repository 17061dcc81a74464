#include <cerrno>
#include <filesystem>
#include <system_error>

#include <sys/mount.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mishap/sandbox/cell.h"

#include "mounts.h"

namespace mishap::sandbox {
namespace {

/// Into an existing directory, with modes and symbolic links; all files become the cell user's.
Result<void> copy_directory(const std::string& from, const std::string& to) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
  if (error) return fail_errno(fmt::format("copy {} to {}", from, to), error.value());
  return {};
}

}  // namespace

Result<void> CellEnvironment::clone_directory(const std::string& lower, const std::string& target) {
  struct stat info{};
  if (stat(lower.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return fail_errno("clone " + lower, errno != 0 ? errno : ENOTDIR);
  }
  MISHAP_TRY(make_room(target));
  std::string upper = target + "/upper", work = target + "/work";
  if (keep) {
    int count = ++clones_[target];
    std::string number = count > 1 ? fmt::format(".{}", count) : "";
    upper = fmt::format("{}/{}{}{}", keep_directory_, kVolumesDirectory, number, target);
    work = fmt::format("{}/{}/volume{}", keep_directory_, kWorkDirectory, volumes_++);
  } else {
    // A tmpfs for the two layers, which the overlay then covers: nobody can reach them but through
    // it.
    MISHAP_TRY(mount_tmpfs_at(target, "mode=0700"));
  }
  MISHAP_TRY(make_directories(upper));
  MISHAP_TRY(make_directories(work));
  if (chmod(upper.c_str(), info.st_mode & 07777) != 0) return fail_errno("chmod " + upper);
  if (!mount_overlay_at(target, lower, upper, work)) {
    // No overlays here: a copy does the same, later (PostgreSQL's 30 MB in tens of milliseconds).
    MISHAP_TRY(copy_directory(lower, upper));
    MISHAP_TRY(bind_mount(upper, target, false));
  }
  mounts_[target].push_back(keep ? 1 : 2);
  return {};
}

Result<void> CellEnvironment::mount_tmpfs(const std::string& path, uint64_t size_bytes,
                                          mode_t mode) {
  MISHAP_TRY(make_room(path));
  std::string options = fmt::format("mode={:o}", mode);
  if (size_bytes > 0) options += fmt::format(",size={}", size_bytes);
  MISHAP_TRY(mount_tmpfs_at(path, options));
  mounts_[path].push_back(1);
  return {};
}

Result<void> CellEnvironment::resize_tmpfs(const std::string& path, uint64_t size_bytes) {
  std::string options = fmt::format("size={}", size_bytes);
  // The flags of the mount are given again: a remount without them would clear them.
  if (mount(nullptr, path.c_str(), nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, options.c_str()) !=
      0) {
    return fail_errno(fmt::format("resize {} to {} bytes", path, size_bytes));
  }
  return {};
}

Result<void> CellEnvironment::bind(const std::string& source, const std::string& path,
                                   bool read_only) {
  if (access(source.c_str(), F_OK) != 0) return fail_errno("bind " + source);
  MISHAP_TRY(make_mount_target(path, is_directory(source)));
  MISHAP_TRY(bind_mount(source, path, read_only));
  mounts_[path].push_back(1);
  return {};
}

Result<void> CellEnvironment::unmount(const std::string& path) {
  std::vector<int>& calls = mounts_[path];
  if (calls.empty()) return {};
  for (int& left = calls.back(); left > 0; --left) {
    if (umount2(path.c_str(), MNT_DETACH) != 0) return fail_errno("unmount " + path);
  }
  calls.pop_back();
  return {};
}

}  // namespace mishap::sandbox
