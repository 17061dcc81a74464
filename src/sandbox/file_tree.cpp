// How the tree is built.
//
// The new root is a directory of a tmpfs that is mounted over /proc of the old tree, the one
// directory that every host has and no lower layer needs. Each directory of "/" becomes an overlay
// of the host's there. The kernel refuses that for a directory with mounts below it (all mounts
// inherited by a user namespace are locked together), so such a directory is made anew and its
// entries are treated the same way, one level down. Device and kernel file systems are bound as
// they are. Then the old tree is pivoted away and let go; overlays hold on to their layers by
// themselves.
#include "file_tree.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mounts.h"
#include "network.h"

namespace mishap::sandbox {
namespace {

constexpr std::string_view kBase = "/proc";

/// File systems that hold no user's files: the cell gets them as they are.
constexpr std::array<std::string_view, 21> kKernelTypes = {
    "proc",     "sysfs",   "devtmpfs", "devpts", "cgroup",     "cgroup2",     "mqueue",
    "debugfs",  "tracefs", "bpf",      "pstore", "configfs",   "fusectl",     "hugetlbfs",
    "efivarfs", "autofs",  "nsfs",     "binder", "securityfs", "binfmt_misc", "rpc_pipefs"};

/// A directory that has mounts below and more entries than this is bound read-only as a whole (a
/// container's /etc, with the engine's hosts file mounted in it), unless a path that must be
/// visible leads through it.
constexpr size_t kMaxRebuiltEntries = 40;

struct Entry {
  std::string path;
  mode_t mode = 0;
};

Result<std::vector<Entry>> list_directory(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return fail_errno("list " + path);
  std::vector<Entry> out;
  while (const dirent* item = readdir(directory)) {
    std::string_view name = item->d_name;
    if (name == "." || name == "..") continue;
    Entry entry{(path == "/" ? "" : path) + "/" + std::string(name)};
    struct stat info{};
    if (lstat(entry.path.c_str(), &info) != 0) continue;
    entry.mode = info.st_mode;
    out.push_back(std::move(entry));
  }
  closedir(directory);
  return out;
}

/// Nothing is in it that this user could see.
bool looks_empty(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return false;
  size_t seen = 0;
  while (seen <= 2 && readdir(directory) != nullptr) ++seen;
  closedir(directory);
  return seen <= 2;  // "." and ".."
}

/// Whether a line of passwd(5) or group(5) has `id` as its third field.
bool has_id(const std::string& text, unsigned id) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name, password, number;
    std::getline(fields, name, ':');
    std::getline(fields, password, ':');
    std::getline(fields, number, ':');
    if (number == std::to_string(id)) return true;
  }
  return false;
}

class TreeBuilder {
 public:
  TreeBuilder(const CellOptions& options, CellEnvironment& environment)
      : options_(options), environment_(environment) {}

  Result<void> build_overlays();
  Result<void> use_host_tree();
  Result<void> finish();

 private:
  Result<void> place_entries(const std::string& directory);
  Result<void> place(const Entry& entry);
  Result<void> place_directory(const Entry& entry);
  Result<void> place_temporary();
  Result<void> place_overlay(const Entry& entry);
  static Result<void> set_mode(const std::string& made, const Entry& entry);
  Result<void> bind_whole(const Entry& entry, const Error& why);
  Result<void> share(const std::string& path, bool writable);
  Result<void> cover_names();
  Result<void> cover_file(const std::string& path, const std::string& text);
  Result<void> private_proc();
  bool leads_to_visible(std::string_view directory) const;
  bool has_mounts_below(std::string_view directory) const;
  bool is_kernel_mount(std::string_view path) const;

  const CellOptions& options_;
  CellEnvironment& environment_;
  std::vector<MountPoint> mounts_;
  std::vector<std::string> visible_;  ///< those that exist
  std::string root_;  ///< prefix of the tree under construction; empty: the host's own
  std::string changes_, work_;
  UniqueFd host_proc_;
  int layers_ = 0;
};

bool TreeBuilder::leads_to_visible(std::string_view directory) const {
  return std::any_of(visible_.begin(), visible_.end(), [&](const std::string& path) {
    return path.size() > directory.size() && is_within(path, directory);
  });
}

bool TreeBuilder::has_mounts_below(std::string_view directory) const {
  return std::any_of(mounts_.begin(), mounts_.end(), [&](const MountPoint& mount) {
    return mount.path.size() > directory.size() && is_within(mount.path, directory);
  });
}

bool TreeBuilder::is_kernel_mount(std::string_view path) const {
  // A container's /dev is a tmpfs, but device nodes do not work through an overlay made in a user
  // namespace.
  if (path == "/dev") return true;
  return std::any_of(mounts_.begin(), mounts_.end(), [&](const MountPoint& mount) {
    return mount.path == path &&
           std::find(kKernelTypes.begin(), kKernelTypes.end(), mount.type) != kKernelTypes.end();
  });
}

Result<void> TreeBuilder::build_overlays() {
  MISHAP_ASSIGN(mounts_, read_mounts());
  std::vector<std::string> wanted = options_.visible_paths;
  for (const SharedPath& shared : options_.shared_paths) wanted.push_back(shared.path);
  for (const std::string& path : wanted) {
    if (access(path.c_str(), F_OK) == 0) visible_.push_back(path);
  }
  std::string base(kBase);
  MISHAP_ASSIGN(host_proc_, clone_mounts(base));
  MISHAP_TRY(mount_tmpfs_at(base, "mode=0755"));
  root_ = base + "/root";
  changes_ = base + "/changes";
  work_ = base + "/work";
  if (!options_.keep_directory.empty()) {
    changes_ = fmt::format("{}/{}", options_.keep_directory, kChangesDirectory);
    work_ = fmt::format("{}/{}", options_.keep_directory, kWorkDirectory);
  }
  for (const std::string& path : {root_, changes_, work_}) MISHAP_TRY(make_directories(path));
  MISHAP_TRY(bind_mount(root_, root_, false));  // pivot_root wants a mount point
  MISHAP_TRY(place_entries("/"));
  if (!is_directory(root_ + "/tmp")) MISHAP_TRY(place_temporary());
  return {};
}

Result<void> TreeBuilder::place_entries(const std::string& directory) {
  MISHAP_ASSIGN(std::vector<Entry> entries, list_directory(directory));
  for (const Entry& entry : entries) MISHAP_TRY(place(entry));
  return {};
}

Result<void> TreeBuilder::place(const Entry& entry) {
  std::string target = root_ + entry.path;
  if (S_ISLNK(entry.mode)) {
    std::array<char, 4096> text{};
    ssize_t size = readlink(entry.path.c_str(), text.data(), text.size() - 1);
    if (size < 0 || symlink(text.data(), target.c_str()) != 0)
      return fail_errno("copy link " + entry.path);
    return {};
  }
  if (S_ISDIR(entry.mode)) return place_directory(entry);
  MISHAP_TRY(make_mount_target(target, false));
  // A file that this user cannot even name (an unreadable mount's) is left out.
  if (!bind_mount(entry.path, target, true)) unlink(target.c_str());
  return {};
}

Result<void> TreeBuilder::place_directory(const Entry& entry) {
  if (entry.path == "/tmp" &&
      std::find(visible_.begin(), visible_.end(), "/tmp") == visible_.end()) {
    return place_temporary();
  }
  std::string target = root_ + entry.path;
  if (mkdir(target.c_str(), 0755) != 0 && errno != EEXIST)
    return fail_errno("make directory " + target);
  if (entry.path == kBase) return {};
  if (is_kernel_mount(entry.path)) return bind_mount(entry.path, target, false);
  if (!has_mounts_below(entry.path)) {
    // A directory made anew shows the same as an overlay of an empty one, for a tenth of its price.
    // Only a kept cell's overlay remembers what was put there.
    if (options_.keep_directory.empty() && looks_empty(entry.path)) return set_mode(target, entry);
    return place_overlay(entry);
  }

  auto entries = list_directory(entry.path);
  if (!entries) return bind_whole(entry, entries.error());
  if (entries->size() > kMaxRebuiltEntries && !leads_to_visible(entry.path)) {
    return bind_whole(entry, {"it has mounts inside and many entries", 0});
  }
  for (const Entry& inner : *entries) MISHAP_TRY(place(inner));
  chmod(target.c_str(), entry.mode & 07777);
  return {};
}

/// /tmp is new and empty, but for what must be visible.
Result<void> TreeBuilder::place_temporary() {
  std::string target = root_ + "/tmp";
  MISHAP_TRY(make_directories(target));
  MISHAP_TRY(mount_tmpfs_at(target, "mode=1777"));
  std::vector<std::string> placed;
  std::vector<std::string> sorted = visible_;
  std::sort(sorted.begin(), sorted.end());
  for (const std::string& path : sorted) {
    bool covered = std::any_of(placed.begin(), placed.end(),
                               [&](const std::string& parent) { return is_within(path, parent); });
    if (!is_within(path, "/tmp") || covered) continue;
    struct stat info{};
    if (stat(path.c_str(), &info) != 0) continue;
    MISHAP_TRY(make_mount_target(root_ + path, S_ISDIR(info.st_mode)));
    MISHAP_TRY(place({path, info.st_mode}));
    placed.push_back(path);
  }
  return {};
}

/// Gives a directory made for `entry` its mode. Its owner can only be the cell's user, so where
/// that user may not write on the host the write bits go: a service is refused here as it would be
/// there.
Result<void> TreeBuilder::set_mode(const std::string& made, const Entry& entry) {
  mode_t mode = entry.mode & 07777;
  if (access(entry.path.c_str(), W_OK) != 0 && errno == EACCES) mode &= ~mode_t{0222};
  if (chmod(made.c_str(), mode) != 0) return fail_errno("set the mode of " + made);
  return {};
}

Result<void> TreeBuilder::place_overlay(const Entry& entry) {
  std::string upper = changes_ + entry.path;
  std::string work = fmt::format("{}/{}", work_, layers_++);
  MISHAP_TRY(make_directories(upper));
  MISHAP_TRY(make_directories(work));
  MISHAP_TRY(set_mode(upper, entry));  // the upper directory's is what is seen
  auto mounted = mount_overlay_at(root_ + entry.path, entry.path, upper, work);
  if (mounted) {
    environment_.overlay = true;
    return {};
  }
  if (environment_.overlay_problem.empty()) environment_.overlay_problem = mounted.error().message;
  return bind_whole(entry, mounted.error());
}

Result<void> TreeBuilder::bind_whole(const Entry& entry, const Error& why) {
  environment_.read_only_directories.push_back(fmt::format("{}: {}", entry.path, why.message));
  // Not even that for a directory this user may not enter; it stays an empty one.
  auto bound = bind_mount(entry.path, root_ + entry.path, true);
  if (!bound && bound.error().code != EACCES && bound.error().code != ENOENT) return bound;
  return {};
}

/// No overlays: what the user may write on the host stays writable, only /tmp is private.
Result<void> TreeBuilder::use_host_tree() {
  std::vector<std::pair<std::string, UniqueFd>> kept;
  std::vector<std::string> wanted = options_.visible_paths;
  for (const SharedPath& shared : options_.shared_paths) wanted.push_back(shared.path);
  if (!options_.keep_directory.empty()) wanted.push_back(options_.keep_directory);
  std::sort(wanted.begin(), wanted.end());
  for (const std::string& path : wanted) {
    if (path == "/tmp") return {};  // the spec itself works there: nothing can be hidden
    if (!is_within(path, "/tmp") || access(path.c_str(), F_OK) != 0) continue;
    if (!kept.empty() && is_within(path, kept.back().first)) continue;
    MISHAP_ASSIGN(UniqueFd mounts, clone_mounts(path));
    kept.emplace_back(path, std::move(mounts));
  }
  std::vector<bool> directories;
  directories.reserve(kept.size());
  for (const auto& [path, mounts] : kept) directories.push_back(is_directory(path));
  MISHAP_TRY(mount_tmpfs_at("/tmp", "mode=1777"));
  for (size_t i = 0; i < kept.size(); ++i) {
    MISHAP_TRY(make_mount_target(kept[i].first, directories[i]));
    MISHAP_TRY(attach_mounts(kept[i].second, kept[i].first));
  }
  return {};
}

/// What both kinds of tree need, and the change of root.
Result<void> TreeBuilder::finish() {
  if (!root_.empty()) {
    for (const SharedPath& shared : options_.shared_paths)
      MISHAP_TRY(share(shared.path, shared.writable));
    if (!options_.keep_directory.empty()) MISHAP_TRY(share(options_.keep_directory, true));
  }
  if (is_directory(root_ + "/dev/shm")) MISHAP_TRY(mount_tmpfs_at(root_ + "/dev/shm", "mode=1777"));
  MISHAP_TRY(cover_names());
  MISHAP_TRY(private_proc());
  if (root_.empty()) return {};
  // With "." for both, the old root ends up on top of the new one and is taken off (pivot_root(2),
  // NOTES).
  if (chdir(root_.c_str()) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
      umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) {
    return fail_errno("change the root directory");
  }
  return {};
}

Result<void> TreeBuilder::share(const std::string& path, bool writable) {
  if (access(path.c_str(), F_OK) != 0) return {};
  std::string target = root_ + path;
  if (access(target.c_str(), F_OK) != 0) MISHAP_TRY(make_mount_target(target, is_directory(path)));
  return bind_mount(path, target, !writable);
}

Result<void> TreeBuilder::private_proc() {
  if (mount("proc", (root_ + "/proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) ==
      0)
    return {};
  // A container masks parts of its /proc, and a new one would uncover them: the kernel says EPERM
  // (mount_too_revealing).
  if (errno != EPERM) return fail_errno("mount /proc");
  environment_.private_proc = false;
  if (root_.empty()) return {};
  return attach_mounts(host_proc_, root_ + "/proc");
}

/// /etc/hosts, /etc/passwd and /etc/group of the cell are unlinked files of its /dev/shm.
Result<void> TreeBuilder::cover_names() {
  MISHAP_TRY(cover_file("/etc/hosts", cell_hosts(options_, environment_)));

  // initdb and others insist that their user has a name.
  std::string passwd = read_file("/etc/passwd");
  if (!has_id(passwd, environment_.uid)) {
    passwd +=
        fmt::format("mishap:x:{}:{}:mishap:/tmp:/bin/sh\n", environment_.uid, environment_.gid);
    MISHAP_TRY(cover_file("/etc/passwd", passwd));
  }
  std::string group = read_file("/etc/group");
  if (!has_id(group, environment_.gid)) {
    group += fmt::format("mishap:x:{}:\n", environment_.gid);
    MISHAP_TRY(cover_file("/etc/group", group));
  }
  return {};
}

Result<void> TreeBuilder::cover_file(const std::string& path, const std::string& text) {
  std::string target = root_ + path;
  if (access(target.c_str(), F_OK) != 0)
    return {};  // an image without the file does without its names
  std::string directory = is_directory(root_ + "/dev/shm") ? root_ + "/dev/shm" : root_ + "/tmp";
  std::string source = directory + "/cover";
  MISHAP_TRY(write_file(source, text, true));
  MISHAP_TRY(bind_mount(source, target, true));
  if (unlink(source.c_str()) != 0) return fail_errno("unlink " + source);
  return {};
}

}  // namespace

Result<void> enter_file_tree(const CellOptions& options, CellEnvironment& environment) {
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return fail_errno("detach mounts from the host");
  TreeBuilder builder(options, environment);
  if (options.overlay) {
    auto built = builder.build_overlays();
    if (built && environment.overlay) return builder.finish();
    environment.overlay = false;
    if (!built) environment.overlay_problem = built.error().message;
    umount2(std::string(kBase).c_str(), MNT_DETACH);
    environment.read_only_directories.clear();
  } else {
    environment.overlay_problem = "overlays were switched off";
  }
  TreeBuilder plain(options, environment);
  MISHAP_TRY(plain.use_host_tree());
  return plain.finish();
}

}  // namespace mishap::sandbox
