#include "mishap/sandbox/probes.h"

#include <cerrno>
#include <csignal>

#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/json.h"

#include "host_access.h"
#include "spawn.h"

namespace mishap::sandbox {
namespace {

using State = Probe::State;

constexpr const char* kSystemPaths =
    "in a container: start it with --security-opt systempaths=unconfined";

/// Runs `body` in a cell; the message is what it wrote.
Result<std::string> ask_cell(const CellOptions& options,
                             const std::function<std::string(CellEnvironment&)>& body) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return fail_errno("pipe");
  UniqueFd read_end(fds[0]), write_end(fds[1]);
  MISHAP_ASSIGN(CellProcess cell, spawn_cell(options, [&](CellEnvironment& environment) {
                  std::string text = body(environment);
                  return write(write_end.get(), text.data(), text.size()) < 0 ? 1 : 0;
                }));
  write_end.reset();
  MISHAP_TRY(cell.wait_ready());
  std::string text;
  char buffer[4096];
  while (true) {
    ssize_t count = read(read_end.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer, static_cast<size_t>(count));
  }
  cell.wait();
  return text;
}

/// What supervising a program takes: to read its memory, and to take a copy of a descriptor of its.
Result<void> reach_into_child() {
  int pidfd = -1;
  int value = 42;
  pid_t child = fork_with_pidfd(0, SIGCHLD, &pidfd);
  if (child == 0) {
    while (true) pause();
  }
  if (child < 0) return fail_errno("fork");
  UniqueFd watch(pidfd);
  auto reached = [&]() -> Result<void> {
    int copy = 0;
    iovec local{&copy, sizeof copy}, remote{&value, sizeof value};
    if (process_vm_readv(child, &local, 1, &remote, 1, 0) != sizeof copy) {
      return fail_errno("process_vm_readv");
    }
    // Any descriptor will do; that there is none to copy (EBADF) is a yes, too.
    UniqueFd descriptor(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, STDIN_FILENO, 0)));
    if (!descriptor && errno != EBADF) return fail_errno("pidfd_getfd");
    return {};
  }();
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return reached;
}

Result<void> open_tun() {
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!tun) return fail_errno("open /dev/net/tun");
  return {};
}

Probe overlay_probe(const std::string& problem) {
  Probe probe{.name = "overlay file systems"};
  if (problem.empty()) return probe;
  probe.state = State::degraded;
  probe.detail = "none (" + problem +
                 "): what services write outside of /tmp and their data directories stays";
  probe.remedy = "a kernel with overlayfs for user namespaces, 5.11 or later";
  return probe;
}

Probe proc_probe(bool is_private) {
  Probe probe{.name = "private /proc"};
  if (is_private) return probe;
  probe.state = State::degraded;
  probe.detail =
      "parts of /proc are masked, so that no new one can be mounted: services see the "
      "processes outside of their cell";
  probe.remedy = kSystemPaths;
  return probe;
}

Probe ports_probe(bool low_ports) {
  Probe probe{.name = "ports below 1024"};
  if (low_ports) return probe;
  probe.state = State::degraded;
  probe.detail = "/proc/sys is read-only: services may not listen on them";
  probe.remedy = kSystemPaths;
  return probe;
}

Probe networks_probe(const std::string& problem) {
  Probe probe{.name = "networks of services"};
  if (problem.empty()) return probe;
  probe.state = State::degraded;
  probe.detail = problem + ": services from images share the cell's loopback";
  probe.remedy = "a kernel with CONFIG_BRIDGE and CONFIG_VETH: sudo modprobe -a bridge veth";
  return probe;
}

Probe of_result(std::string name, State otherwise, const Result<void>& result,
                std::string_view lost, std::string remedy) {
  Probe probe{.name = std::move(name)};
  if (result) return probe;
  probe.state = otherwise;
  probe.detail = fmt::format("{}: {}", result.error().message, lost);
  probe.remedy = std::move(remedy);
  return probe;
}

Probe access_probe(const Result<void>& reached) {
  Probe probe = of_result("access to services", State::missing, reached,
                          "no syscall can be faulted and no connection relayed",
                          "allow ptrace: kernel.yama.ptrace_scope below 3, and a seccomp profile "
                          "without a rule against it (--security-opt seccomp=unconfined)");
  probe.vital = true;
  return probe;
}

Json to_json(const Result<void>& result) {
  return result ? Json("") : Json(result.error().message);
}

Result<void> from_json(const Json& json) {
  auto text = json.get<std::string>();
  if (text.empty()) return {};
  return fail(text);
}

std::string examine(CellEnvironment& environment) {
  Json found{{"overlay_problem", environment.overlay ? "" : environment.overlay_problem},
             {"private_proc", environment.private_proc},
             {"low_ports", environment.low_ports},
             {"access", to_json(reach_into_child())},
             {"network_problem", environment.network_problem},
             {"tun", to_json(open_tun())}};
  return found.dump();
}

/// Root that may not mount cannot open its own files to the cells' user.
Probe root_probe() {
  Probe probe{.name = "files of root"};
  if (may_mount()) return probe;
  probe.state = State::degraded;
  probe.detail = fmt::format(
      "this root may not mount (no CAP_SYS_ADMIN): cells run as user {}, and files "
      "that only root may read or write stay closed to them",
      cell_user().uid);
  probe.remedy = "run mishap as an ordinary user; in a container: --cap-add SYS_ADMIN";
  return probe;
}

}  // namespace

std::string_view to_string(Probe::State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::degraded:
      return "degraded";
    case State::missing:
      return "missing";
  }
  return "?";
}

Probe probe_kernel() {
  utsname name{};
  uname(&name);
  return {.name = "kernel",
          .detail = fmt::format("{} {}, {}", name.sysname, name.release, name.machine)};
}

Probe probe_user_namespaces() {
  Probe probe{.name = "user namespaces", .vital = true};
  CellOptions options;
  options.overlay = false;
  auto tried = ask_cell(options, [](CellEnvironment&) { return std::string(); });
  if (tried) return probe;
  const Error& error = tried.error();
  bool made = !error.message.starts_with(kMakeNamespaces);
  Refusal refusal = explain_refusal("", error.code, made);
  probe.state = State::missing;
  probe.detail = fmt::format("{}: {}; nothing runs without them", error.message, refusal.why);
  probe.remedy = refusal.remedy;
  return probe;
}

std::vector<Probe> probe_cell() {
  CellOptions options;
  options.networks = {"probe"};
  auto told = ask_cell(options, examine);
  if (!told) return {};
  auto found = parse_json(*told);
  if (!found) {
    return {{.name = "cells",
             .state = State::missing,
             .detail = "the one that looked around died of it",
             .remedy = "try again; if it stays like this, please report it",
             .vital = true}};
  }
  const Json& json = *found;
  std::vector<Probe> probes = {
      overlay_probe(json.at("overlay_problem").get<std::string>()),
      proc_probe(json.at("private_proc").get<bool>()),
      ports_probe(json.at("low_ports").get<bool>()),
      access_probe(from_json(json.at("access"))),
      networks_probe(json.at("network_problem").get<std::string>()),
      of_result("/dev/net/tun", State::degraded, from_json(json.at("tun")), "no faults on packets",
                "sudo chmod 0666 /dev/net/tun; in a container: --device "
                "/dev/net/tun"),
  };
  if (geteuid() == 0) probes.push_back(root_probe());
  return probes;
}

std::vector<std::string> shortcomings(const CellEnvironment& environment) {
  std::vector<std::string> texts;
  for (const Probe& probe :
       {overlay_probe(environment.overlay ? "" : environment.overlay_problem),
        proc_probe(environment.private_proc), ports_probe(environment.low_ports),
        networks_probe(environment.network_problem)}) {
    if (probe.state != State::ok) texts.push_back(probe.name + ": " + probe.detail);
  }
  return texts;
}

Result<void> nothing_vital_missing(const std::vector<Probe>& probes) {
  for (const Probe& probe : probes) {
    if (!probe.vital || probe.state != State::missing) continue;
    return fail(fmt::format("{}: {}\n{}", probe.name, probe.detail, probe.remedy), EPERM);
  }
  return {};
}

Result<void> networks_work() {
  CellOptions options;
  options.overlay = false;
  options.networks = {"probe"};
  MISHAP_ASSIGN(auto problem, ask_cell(options, [](CellEnvironment& environment) {
                  return environment.network_problem;
                }));
  if (problem.empty()) return {};
  return fail(std::move(problem), EOPNOTSUPP);
}

Result<void> can_unprivileged_userns() { return nothing_vital_missing({probe_user_namespaces()}); }

}  // namespace mishap::sandbox
