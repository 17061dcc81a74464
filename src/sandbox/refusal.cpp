// The ways in which user namespaces are forbidden. Each has its own switch, and the kernel says
// EPERM to most of them.
#include <cerrno>
#include <cstdint>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/sandbox/probes.h"

#include "mounts.h"

namespace mishap::sandbox {
namespace {

/// The files that are asked, below a root directory.
class Host {
 public:
  explicit Host(std::string root) : root_(std::move(root)) {}

  bool has(const std::string& path) const { return access((root_ + path).c_str(), F_OK) == 0; }
  /// Without the newline at the end; "" when there is no such file.
  std::string line(const std::string& path) const {
    return std::string(trim(read_file(root_ + path)));
  }
  bool in_container() const { return has("/.dockerenv") || has("/run/.containerenv"); }
  /// Docker and Podman understand the same options.
  std::string engine() const { return has("/run/.containerenv") ? "podman" : "docker"; }
  bool under_seccomp_filter() const {
    return read_file(root_ + "/proc/self/status").find("\nSeccomp:\t2") != std::string::npos;
  }
  /// "docker-default" of "docker-default (enforce)"; "" when nothing is enforced.
  std::string apparmor_profile() const {
    std::string label = line("/proc/self/attr/current");
    size_t mode = label.find(" (enforce)");
    return mode == std::string::npos ? "" : label.substr(0, mode);
  }
  /// Whether the user namespace has this user (user_namespaces(7): "inside outside count").
  bool maps(uid_t uid) const {
    std::istringstream lines(read_file(root_ + "/proc/self/uid_map"));
    for (uint64_t inside = 0, outside = 0, count = 0; lines >> inside >> outside >> count;) {
      if (uid >= inside && uid - inside < count) return true;
    }
    return false;
  }
  /// The kernel makes no user namespaces for who is in a chroot (user_namespaces(7)); the root of
  /// one is no mount point.
  bool in_chroot() const {
    auto mounts = parse_mounts(read_file(root_ + "/proc/self/mountinfo"));
    if (mounts.empty()) return false;
    for (const auto& mount : mounts) {
      if (mount.path == "/") return false;
    }
    return true;
  }

 private:
  std::string root_;
};

std::string sysctl(const std::string& setting) { return "sudo sysctl -w " + setting; }

std::string start_with(const Host& host, const std::string& option) {
  return fmt::format("start the container with: {} run --security-opt {}", host.engine(), option);
}

Refusal seccomp_refusal(const Host& host, const std::string& what) {
  if (host.in_container()) {
    return {"the container's seccomp profile forbids " + what,
            start_with(host, "seccomp=unconfined")};
  }
  return {"a seccomp filter that this process was started under forbids " + what,
          "start it without one; in Kubernetes: securityContext.seccompProfile.type: Unconfined"};
}

Refusal not_made(const Host& host, int error_code) {
  if (host.line("/proc/sys/user/max_user_namespaces") == "0") {
    return {"user.max_user_namespaces is 0", sysctl("user.max_user_namespaces=15000")};
  }
  if (error_code == ENOSPC) {
    return {
        "as many namespaces exist as a setting of user.max_*_namespaces allows, or they are "
        "nested too deep",
        "sysctl user shows the limits; raise the one that is reached"};
  }
  if (host.line("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
    return {"kernel.unprivileged_userns_clone is 0", sysctl("kernel.unprivileged_userns_clone=1")};
  }
  if (host.under_seccomp_filter() && (error_code == EPERM || error_code == ENOSYS)) {
    return seccomp_refusal(host, "them");
  }
  if (host.in_chroot()) {
    return {"the kernel makes none for a process in a chroot",
            "enter the directory by another way: systemd-nspawn, bwrap or a container"};
  }
  if (error_code == EINVAL || error_code == ENOSYS) {
    return {"this kernel has none", "a kernel with CONFIG_USER_NS=y, 5.10 or later"};
  }
  return {"a security module forbids them", "ask whoever set this machine up"};
}

Refusal not_set_up(const Host& host, int error_code) {
  if (!host.maps(cell_user().uid)) {
    return {fmt::format("the user namespace that mishap runs in has no user {}, whom root's cells "
                        "run as",
                        cell_user().uid),
            "map it, too, or run mishap as yourself: unshare --map-current-user instead of "
            "--map-root-user"};
  }
  if (host.line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
    return {
        "AppArmor takes all rights away in them "
        "(kernel.apparmor_restrict_unprivileged_userns is 1)",
        sysctl("kernel.apparmor_restrict_unprivileged_userns=0")};
  }
  if (auto profile = host.apparmor_profile(); !profile.empty() && profile != "unconfined") {
    std::string why = fmt::format("the AppArmor profile {} forbids what a cell needs", profile);
    if (host.in_container()) return {why, start_with(host, "apparmor=unconfined")};
    return {why, "sudo aa-complain " + profile};
  }
  bool denied = error_code == EPERM || error_code == EACCES;
  if (denied && host.under_seccomp_filter()) return seccomp_refusal(host, "what a cell needs");
  return {denied ? "a security module forbids it" : "the namespaces were made, but not this",
          "ask whoever set this machine up"};
}

}  // namespace

Refusal explain_refusal(const std::string& root, int error_code, bool made) {
  Host host(root);
  return made ? not_set_up(host, error_code) : not_made(host, error_code);
}

}  // namespace mishap::sandbox
