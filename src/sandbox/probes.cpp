#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/sandbox/cell.h"

#include "mounts.h"

namespace mishap::sandbox {
namespace {

/// The first known switch that is set to "no", as what to do about it.
std::string remedy() {
  auto starts = [](const char* path, char value) {
    std::string text = read_file(path);
    return !text.empty() && text[0] == value;
  };
  if (starts("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1')) {
    return "AppArmor restricts them here; allow them with: sudo sysctl -w "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (starts("/proc/sys/kernel/unprivileged_userns_clone", '0')) {
    return "allow them with: sudo sysctl -w kernel.unprivileged_userns_clone=1";
  }
  if (starts("/proc/sys/user/max_user_namespaces", '0')) {
    return "allow them with: sudo sysctl -w user.max_user_namespaces=15000";
  }
  if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0) {
    return "the container engine's seccomp profile forbids them; start the container with: "
           "--security-opt seccomp=unconfined";
  }
  return "a security module or seccomp profile forbids them";
}

/// Runs an empty cell; the message is what `wait_ready` says.
Result<void> try_cell(const CellOptions& options, const std::function<int(CellEnvironment&)>& body,
                      ExitStatus& status) {
  MISHAP_ASSIGN(CellProcess cell, spawn_cell(options, body));
  MISHAP_TRY(cell.wait_ready());
  status = cell.wait();
  return {};
}

/// Runs a cell that says what it lacks; that is the error.
Result<void> look_into_cell(const CellOptions& options,
                            const std::function<std::string(const CellEnvironment&)>& problem) {
  int fds[2];
  if (pipe(fds) != 0) return fail_errno("pipe");
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  ExitStatus status;
  MISHAP_TRY(try_cell(
      options,
      [&](CellEnvironment& environment) {
        std::string text = problem(environment);
        [[maybe_unused]] ssize_t written = write(write_end.get(), text.data(), text.size());
        return text.empty() ? 0 : 1;
      },
      status));
  if (status.success()) return {};
  write_end.reset();
  char text[512];
  ssize_t size = read(read_end.get(), text, sizeof text);
  return fail(std::string(text, size > 0 ? static_cast<size_t>(size) : 0), EOPNOTSUPP);
}

}  // namespace

Result<void> can_unprivileged_userns() {
  ExitStatus status;
  CellOptions options;
  options.overlay = false;
  auto tried = try_cell(options, [](CellEnvironment&) { return 0; }, status);
  if (tried) return {};
  return fail(fmt::format("user namespaces do not work ({}): {}", tried.error().message, remedy()),
              tried.error().code);
}

Result<void> overlay_works() {
  return look_into_cell({}, [](const CellEnvironment& environment) {
    return environment.overlay ? "" : environment.overlay_problem;
  });
}

Result<void> networks_work() {
  CellOptions options;
  options.overlay = false;
  options.networks = {"probe"};
  return look_into_cell(
      options, [](const CellEnvironment& environment) { return environment.network_problem; });
}

}  // namespace mishap::sandbox
