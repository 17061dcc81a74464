#include "rule_checks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/protocols/registry.h"

namespace mishap::spec {
namespace {

using Names = std::span<const std::string_view>;

// Calls that only ever work on sockets, and calls that never do.
constexpr std::array<std::string_view, 17> kOfSockets = {
    "connect",  "accept",     "accept4",    "bind",        "listen",     "socket",
    "sendto",   "sendmsg",    "sendmmsg",   "recvfrom",    "recvmsg",    "recvmmsg",
    "shutdown", "getsockopt", "setsockopt", "getpeername", "getsockname"};
constexpr std::array<std::string_view, 35> kOfFiles = {
    "open",      "openat",     "openat2",   "creat",      "fsync",          "fdatasync",
    "ftruncate", "truncate",   "fallocate", "rename",     "renameat",       "renameat2",
    "unlink",    "unlinkat",   "rmdir",     "mkdir",      "mkdirat",        "link",
    "linkat",    "symlink",    "symlinkat", "chmod",      "fchmod",         "fchmodat",
    "chown",     "fchown",     "fchownat",  "stat",       "lstat",          "newfstatat",
    "statx",     "getdents64", "readlink",  "readlinkat", "sync_file_range"};
constexpr std::array<std::string_view, 3> kNeverFail = {"exit", "exit_group", "rt_sigreturn"};
constexpr std::array<std::string_view, 4> kWithoutKernel = {"clock_gettime", "gettimeofday", "time",
                                                            "getcpu"};

bool all_of(const std::vector<std::string>& syscalls, Names names) {
  return std::all_of(syscalls.begin(), syscalls.end(), [&](const std::string& syscall) {
    return std::find(names.begin(), names.end(), syscall) != names.end();
  });
}

bool acts_on_sockets_only(const fault::Scope& scope) {
  return scope.kind == fault::ScopeKind::kinds && !contains(scope.kinds, fault::FdKinds::file) &&
         contains(scope.kinds, fault::FdKinds::socket);
}

bool acts_on_files_only(const fault::Scope& scope) {
  using fault::ScopeKind;
  if (scope.kind == ScopeKind::kinds) return scope.kinds == fault::FdKinds::file;
  return scope.kind == ScopeKind::new_blocks || scope.kind == ScopeKind::changes ||
         scope.kind == ScopeKind::grows;
}

/// What the rule's answer carries, by the canonical names.
std::vector<std::string> carried(const fault::ProtocolRule& rule) {
  std::vector<std::string> names;
  if (rule.status || !rule.status_name.empty()) names.emplace_back("status");
  if (rule.body) names.emplace_back("body");
  if (!rule.message.empty()) names.emplace_back("message");
  if (!rule.code.empty() && rule.action != fault::ProtocolAction::drop) names.emplace_back("code");
  if (rule.messages) names.emplace_back("messages");
  if (!rule.headers.empty()) names.emplace_back("headers");
  return names;
}

bool knows(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<void> refuse_vain(const CallContext& call, const fault::SyscallRule& rule) {
  if (rule.action == fault::SyscallAction::allow) return {};
  const std::string& keyword = rule.keyword;
  auto refuse = [&](std::string why) {
    return call.error(fmt::format("{} would never take effect: {}", rule.declared.text, why));
  };
  bool of_sockets = all_of(rule.syscalls, kOfSockets), of_files = all_of(rule.syscalls, kOfFiles);
  if (rule.action == fault::SyscallAction::deny && all_of(rule.syscalls, kNeverFail))
    return refuse(fmt::format("{}() cannot fail", keyword));
  if (!rule.path_glob.empty() && of_sockets)
    return refuse(fmt::format("{}() has no path; to= limits it to a peer", keyword));
  if (!rule.to.empty() && of_files)
    return refuse(fmt::format("{}() reaches no peer; path= limits it to files", keyword));
  if (rule.action == fault::SyscallAction::deny) {
    if (acts_on_sockets_only(rule.scope) && of_files)
      return refuse(fmt::format("it acts on sockets, and {}() on files", keyword));
    if (acts_on_files_only(rule.scope) && of_sockets)
      return refuse(fmt::format("it acts on files, and {}() on sockets", keyword));
  }
  if (all_of(rule.syscalls, kWithoutKernel) && task_of(call.thread()).kind == TaskKind::load) {
    world_of(call).add_message(
        LoadMessage::Level::warning, call.thread().caller_pos(),
        fmt::format(
            "{}: most programs ask for the {} without a system call, which no fault can see",
            rule.declared.text, keyword == "getcpu" ? "processor" : "time"));
  }
  return {};
}

Result<void> refuse_vain(const CallContext& call, const InterfaceRef& target,
                         const fault::ProtocolRule& rule) {
  const traffic::Protocol* protocol = protocols::find(target.interface.protocol);
  if (protocol == nullptr)
    return call.error(fmt::format("unsupported protocol \"{}\"", target.interface.protocol));
  std::string place = target.service + "." + target.interface.name;
  const auto& actions = protocol->actions();
  if (std::find(actions.begin(), actions.end(), rule.action) == actions.end()) {
    std::vector<std::string> names;
    names.reserve(actions.size());
    for (auto action : actions)
      names.emplace_back(action == fault::ProtocolAction::respond ? "response" : to_string(action));
    return call.error(fmt::format("{} cannot take effect on {}: {} interfaces know {}",
                                  rule.declared.text, place, protocol->name(), join(names, ", ")));
  }
  const auto& matchers = protocol->matchers();
  std::vector<std::string> asked;
  asked.reserve(rule.matchers.size());
  for (const auto& [name, pattern] : rule.matchers) asked.push_back(name);
  if (!rule.metadata.empty()) asked.emplace_back("metadata");
  for (const std::string& name : asked) {
    if (knows(matchers, name)) continue;
    return call.error(
        fmt::format("{} would never match on {}: {} requests have no {}; they are matched by {}",
                    rule.declared.text, place, protocol->name(), name,
                    matchers.empty() ? "nothing" : join(matchers, ", ")));
  }
  for (const auto& name : carried(rule)) {
    if (knows(protocol->answers(), name)) continue;
    return call.error(fmt::format("{}: an answer on {} has no {}; {} answers have {}",
                                  rule.declared.text, place, name, protocol->name(),
                                  join(protocol->answers(), ", ")));
  }
  if (!rule.status_name.empty() && !protocol->names_statuses()) {
    return call.error(fmt::format("{}: a status of {} is a number, not \"{}\"", rule.declared.text,
                                  protocol->name(), rule.status_name));
  }
  if (rule.action == fault::ProtocolAction::drop && !rule.code.empty() &&
      !protocol->drops_with_code()) {
    return call.error(
        fmt::format("{}: what is dropped on {} has no code", rule.declared.text, place));
  }
  if (auto right = protocol->check(rule); !right) return call.error(right.error().message);
  return {};
}

}  // namespace mishap::spec
