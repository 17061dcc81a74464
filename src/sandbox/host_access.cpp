#include "host_access.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include "mounts.h"
#include "spawn.h"

namespace mishap::sandbox {
namespace {

/// File permissions as `user` has them, while it lives: the kernel takes the file capabilities away
/// with the fsuid.
class FileUser {
 public:
  explicit FileUser(CellUser user) {
    setfsgid(user.gid);
    setfsuid(user.uid);
  }
  ~FileUser() {
    setfsuid(0);
    setfsgid(0);
  }
  FileUser(const FileUser&) = delete;
  FileUser& operator=(const FileUser&) = delete;
};

/// The first directory on the way to `path` that `user` may not search; empty when there is none.
std::string first_barrier(const std::string& path, CellUser user) {
  FileUser as_user(user);
  for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
    std::string directory = path.substr(0, end);
    UniqueFd inside(open((directory + "/.").c_str(), O_PATH | O_CLOEXEC));
    if (!inside && errno == EACCES) return directory;
  }
  return {};
}

/// Directories of the system: their owner does not matter to a test, and each extra mount in them
/// costs the cell an overlay.
bool is_system_path(std::string_view path) {
  constexpr std::array<std::string_view, 9> kSystem = {"/usr", "/bin",  "/sbin", "/lib", "/lib64",
                                                       "/etc", "/proc", "/dev",  "/sys"};
  return path == "/" || std::any_of(kSystem.begin(), kSystem.end(), [&](std::string_view system) {
           return is_within(path, system);
         });
}

/// A user namespace whose id 0 is `user` and whose other ids are themselves, for MOUNT_ATTR_IDMAP.
Result<UniqueFd> make_id_map(CellUser user) {
  int pidfd = -1;
  pid_t parent = getpid();
  pid_t pid = fork_with_pidfd(CLONE_NEWUSER, SIGCHLD, &pidfd);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent) pause();
    _exit(1);  // the parent was killed before the signal was asked for
  }
  if (pid < 0) return fail_errno("make a user namespace for an id map");
  UniqueFd child(pidfd);
  auto map_of = [](unsigned id) {
    return fmt::format("0 {0} 1\n1 1 {1}\n{2} {2} {3}\n", id, id - 1, id + 1, UINT_MAX - 1 - id);
  };
  std::string directory = fmt::format("/proc/{}/", pid);
  auto written = write_file(directory + "uid_map", map_of(user.uid));
  if (written) written = write_file(directory + "gid_map", map_of(user.gid));
  UniqueFd space(open((directory + "ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  if (!written) return fail(std::move(written).error());
  if (!space) return fail_errno("open a user namespace");
  return space;
}

struct Wanted {
  std::string path;
  std::string barrier;
  bool directory = false;
  bool map_owner = false;
  UniqueFd mounts;
};

/// A detached copy of the path, with root's files given to the user when that is wanted and works.
Result<UniqueFd> open_wanted(const Wanted& wanted, const UniqueFd& id_map) {
  MISHAP_ASSIGN(UniqueFd mounts, clone_mounts(wanted.path));
  if (!wanted.map_owner || !id_map) return mounts;
  // Not recursive: mounts inside may be of kinds that have no id maps. Read-only: the cell's
  // overlay is what takes writes.
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY;
  attributes.userns_fd = static_cast<uint64_t>(id_map.get());
  mount_setattr(mounts.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes);
  return mounts;
}

std::vector<Wanted> list_wanted(const CellOptions& options, CellUser user) {
  std::vector<Wanted> out;
  auto add = [&](const std::string& path, bool may_map) {
    struct stat info{};
    if (path.empty() || path == "/" || stat(path.c_str(), &info) != 0) return;
    bool directory = S_ISDIR(info.st_mode);
    bool map_owner = may_map && info.st_uid == 0 && !is_system_path(path) && path != "/tmp";
    out.push_back(
        {path, first_barrier(directory ? path + "/" : path, user), directory, map_owner, {}});
  };
  for (const std::string& path : options.visible_paths) add(path, options.overlay);
  for (const SharedPath& shared : options.shared_paths) add(shared.path, false);
  add(options.keep_directory, false);
  std::sort(out.begin(), out.end(),
            [](const Wanted& a, const Wanted& b) { return a.path < b.path; });
  // Twice the same path: the plain one wins, since a shared path must keep its owner.
  for (size_t i = 1; i < out.size(); ++i) {
    if (out[i].path != out[i - 1].path) continue;
    out[i].map_owner = out[i].map_owner && out[i - 1].map_owner;
    out.erase(out.begin() + static_cast<ptrdiff_t>(--i));
  }
  // A plain path within a mapped one would be seen through its map, in which the user's own files
  // are nobody's: it is put on top as it is.
  auto is_covered = [&](const Wanted& inner) {
    return std::any_of(out.begin(), out.end(), [&](const Wanted& outer) {
      return outer.map_owner && is_within(inner.path, outer.path);
    });
  };
  std::vector<Wanted> needed;
  for (Wanted& one : out) {
    if (one.map_owner || !one.barrier.empty() || is_covered(one)) needed.push_back(std::move(one));
  }
  return needed;
}

/// What is left to do without mounts: to say so where it will not do.
Result<void> require_reachable(const CellOptions& options, CellUser user) {
  for (const Wanted& one : list_wanted(options, user)) {
    if (one.barrier.empty()) continue;
    return fail(fmt::format("{0} is closed to user {1}, whom cells run as, and this root may not "
                            "mount anything over it (no CAP_SYS_ADMIN)\nchmod o+x {0}, or run "
                            "mishap as an ordinary user; in a container: --cap-add SYS_ADMIN",
                            one.barrier, user.uid),
                EACCES);
  }
  return {};
}

}  // namespace

bool may_mount() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

Result<void> make_paths_reachable(const CellOptions& options, CellUser user) {
  if (!options.keep_directory.empty() &&
      chown(options.keep_directory.c_str(), user.uid, user.gid) != 0) {
    return fail_errno("give " + options.keep_directory + " to the cell's user");
  }
  if (unshare(CLONE_NEWNS) != 0) {
    if (errno == EPERM) return require_reachable(options, user);
    return fail_errno("make a mount namespace");
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return fail_errno("detach mounts from the host");
  std::vector<Wanted> wanted = list_wanted(options, user);
  UniqueFd id_map;
  if (std::any_of(wanted.begin(), wanted.end(), [](const Wanted& one) { return one.map_owner; })) {
    auto made = make_id_map(user);
    if (made) id_map = std::move(*made);  // without it, root's files stay unwritable for the cell
  }
  // All are opened before the first directory is covered: one may lie inside another's barrier.
  for (Wanted& one : wanted) {
    MISHAP_ASSIGN(one.mounts, open_wanted(one, id_map));
  }
  std::vector<std::string> covered;
  for (const Wanted& one : wanted) {
    if (one.barrier.empty() ||
        std::find(covered.begin(), covered.end(), one.barrier) != covered.end())
      continue;
    // The path itself may be the barrier (a 0700 directory that is root's): its id map opens it.
    if (one.barrier == one.path) continue;
    MISHAP_TRY(mount_tmpfs_at(one.barrier, "mode=0755"));
    covered.push_back(one.barrier);
  }
  for (const Wanted& one : wanted) {
    if (access(one.path.c_str(), F_OK) != 0) MISHAP_TRY(make_mount_target(one.path, one.directory));
    MISHAP_TRY(attach_mounts(one.mounts, one.path));
  }
  return {};
}

Result<void> become(CellUser user) {
  // By the system calls: the C library's functions would have every thread do the same, and wait
  // for those that only the process had from which this one was cloned.
  if (syscall(SYS_setgroups, 0, nullptr) != 0 ||
      syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0 ||
      syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) {
    return fail_errno(fmt::format("become user {}", user.uid));
  }
  // The change made /proc/self root's, and the cell could not write its id maps
  // (PR_SET_DUMPABLE(2const)).
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  return {};
}

}  // namespace mishap::sandbox
