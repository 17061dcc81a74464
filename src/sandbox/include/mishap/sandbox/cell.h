// A cell: one process, pid 1 of its own user, network, mount, pid, ipc and uts namespaces, that
// shares nothing writable with the host and takes everything in it along when it dies.
//
// Identity. One user is mapped and it is an ordinary one. Started by an ordinary user, the cell
// runs as that user. Started by root, it runs as the user behind sudo (SUDO_UID), else as
// `kRootlessUid`: with the host's uid 0, even without capabilities, owner rights alone would open
// /etc/shadow and /proc/sys for writing. The worker has all capabilities inside its namespaces as
// long as it does not exec; what it starts with `Reaper` has none.
//
// Files. Services see the host's files through overlays whose upper layers are on the cell's tmpfs
// (or in the kept directory), so that they can write wherever they could on the host and nothing of
// it stays. user_namespaces(7): mounts inherited from a more privileged namespace are locked
// together, so one overlay of "/" is refused; there is one for each directory that has no mount
// below; the directories above them, and empty ones, are made new. /tmp and /dev/shm are private
// and empty, /proc is the cell's.
//
// The child is a fork of the coordinator, not a new program: the loaded spec comes along by copy on
// write, at no cost and consistent by construction. So the caller of `spawn_cell` must have one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"
#include "mishap/sandbox/process.h"

namespace mishap::sandbox {

/// The uid and gid of cells when root starts them without sudo. Below 65534 ("nobody"), above what
/// distributions hand out to people and to systemd's dynamic users (61184-65519), so that it owns
/// no files.
inline constexpr uid_t kRootlessUid = 65530;

struct HostEntry {
  std::string name;
  std::string address = "127.0.0.1";
};

/// The name under which a service with a network of its own finds what listens in the cell's.
inline constexpr const char* kHostName = "host.docker.internal";

/// A directory or file of the host that the cell sees as it is, at the same path, without an
/// overlay.
struct SharedPath {
  std::string path;
  bool writable = false;
};

struct CellOptions {
  std::string hostname = "mishap";
  /// On top of localhost, in /etc/hosts. Loopback addresses are the cell's; services with a network
  /// of their own see them at the gateway.
  std::vector<HostEntry> hosts;
  /// Services that get a network namespace, an address and a name of their own, joined to the
  /// cell's by a bridge.
  std::vector<std::string> networks;
  /// Ports that services will want, so nobody gets them by chance: not for binding port 0, not as
  /// the source of a connection.
  std::vector<uint16_t> reserved_ports;
  /// Absolute host paths that must be reachable inside whatever their parents' modes are, and even
  /// under /tmp: the spec's directory, the working directory, programs. Those that do not exist are
  /// skipped.
  std::vector<std::string> visible_paths;
  /// Real directories, such as a cache of prepared data directories (best as lower layers of
  /// `clone_directory`).
  std::vector<SharedPath> shared_paths;
  /// An existing host directory for what is to outlive the cell; "" keeps nothing. It is writable
  /// inside at the same path, the overlays' upper layers go to its "changes", those of
  /// `clone_directory` to its "volumes". When root starts the cell, its owner becomes the cell's
  /// user.
  std::string keep_directory;
  /// False: host files as they are (writable where the user may write), only /tmp and /dev/shm are
  /// private.
  bool overlay = true;
};

/// The network of one service. See docs/design/network.md.
struct ServiceNetwork {
  UniqueFd network_namespace;  ///< lives as long as this
  std::string address;         ///< IPv4, "172.18.0.2"
  std::string hosts;           ///< what its /etc/hosts is to contain; "" = what the cell's does
};

class CellProcess;

/// What the worker finds, and what it may do to the cell's file tree. Used by one thread at a time.
class CellEnvironment {
 public:
  /// Whether services see the host's files through overlays; if not, `overlay_problem` says why.
  bool overlay = false;
  std::string overlay_problem;
  /// Directories that are read-only because no overlay could be put there, with the reason:
  /// "/mnt/x: Invalid argument".
  std::vector<std::string> read_only_directories;
  bool private_proc = true;  ///< false: /proc is the host's; containers mask parts of theirs
  bool low_ports = true;     ///< false: services may not listen on ports below 1024
  uid_t uid = 0;             ///< of the worker and its services, same number inside and outside
  gid_t gid = 0;
  /// By service: one for each of CellOptions::networks, or none at all, and `network_problem` says
  /// why. The names are then those of the cell's loopback.
  std::map<std::string, ServiceNetwork> networks;
  std::string network_problem;
  std::string gateway;  ///< the cell's own address as services with a network see it; "" without
  UniqueFd keep;        ///< CellOptions::keep_directory, none when nothing is kept

  /// Shows a prepared directory at `target` (made if missing): reading comes from `lower`, writing
  /// stays in the cell. Modes and owners are kept, so a 0700 data directory stays one. Costs about
  /// 0.05 ms whatever its size. What a kept cell wrote there is in "volumes"; of a second clone at
  /// the same target, after `unmount`, in "volumes.2", and so on.
  Result<void> clone_directory(const std::string& lower, const std::string& target);
  /// An empty file system of `size_bytes` at `path` (made if missing). 0 bytes: the kernel's
  /// default size.
  Result<void> mount_tmpfs(const std::string& path, uint64_t size_bytes, mode_t mode = 0700);
  /// Changes the size of a tmpfs that `mount_tmpfs` made: at the used amount it is a truly full
  /// disk. Error EINVAL: less than used.
  Result<void> resize_tmpfs(const std::string& path, uint64_t size_bytes);
  /// Shows `source` (a path inside the cell) at `path` too, which is made if missing.
  Result<void> bind(const std::string& source, const std::string& path, bool read_only);
  /// Takes away what the last of the calls above put at `path`; what was written there is gone once
  /// nobody has it open. Nothing is there: nothing happens.
  Result<void> unmount(const std::string& path);

 private:
  friend Result<CellProcess> spawn_cell(const CellOptions&,
                                        const std::function<int(CellEnvironment&)>&);
  std::string keep_directory_;
  int volumes_ = 0;
  std::map<std::string, std::vector<int>> mounts_;  ///< of each call at a path, how many it made
  std::map<std::string, int> clones_;               ///< how often each target was cloned to
};

/// A running cell, from the coordinator's side. Destroying it kills the cell and waits for it.
class CellProcess {
 public:
  CellProcess() = default;
  CellProcess(CellProcess&& other) noexcept;
  CellProcess& operator=(CellProcess&& other) noexcept;
  ~CellProcess() { destroy(); }

  pid_t pid() const { return pid_; }
  /// Readable when the cell has ended; may be watched by a loop.
  int pidfd() const { return pidfd_.get(); }
  /// Waits until the cell's namespaces stand and its body begins. Error: what could not be set up;
  /// the cell has then ended.
  Result<void> wait_ready();
  /// Waits for the end of the cell: of pid 1 and of everything in it. The code is what `body`
  /// returned.
  ExitStatus wait();
  void kill();  ///< SIGKILL; the cell ends at once with everything in it

 private:
  friend Result<CellProcess> spawn_cell(const CellOptions&,
                                        const std::function<int(CellEnvironment&)>&);
  void destroy();
  pid_t pid_ = 0;
  UniqueFd pidfd_;
  UniqueFd ready_;
  std::optional<ExitStatus> status_;
  std::string keep_directory_;
};

/// Exit code of a cell whose set-up failed; `wait_ready` has the reason.
inline constexpr int kCellSetupFailed = 125;

/// Starts a cell that runs `body` and exits with what it returns. The calling thread must be the
/// process's only one, and stay: the cell dies with it. Buffered output should be flushed before.
/// Errors: user namespaces are forbidden (see `can_unprivileged_userns` for the remedy), no
/// processes left.
Result<CellProcess> spawn_cell(const CellOptions& options,
                               const std::function<int(CellEnvironment&)>& body);

/// The user that `spawn_cell` runs cells as when called now.
struct CellUser {
  uid_t uid = 0;
  gid_t gid = 0;
};
CellUser cell_user();

/// Whether cells can be made by this process. The error is for people: what forbids it, and the one
/// command that allows it (see probes.h).
Result<void> can_unprivileged_userns();
/// Whether services can have networks of their own here. The error says what the kernel said.
Result<void> networks_work();

}  // namespace mishap::sandbox
