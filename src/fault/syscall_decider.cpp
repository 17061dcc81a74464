#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/fault/decider.h"
#include "mishap/fault/names.h"

#include "windows.h"

namespace mishap::fault {
namespace {

/// What programs touch while they are loaded; a fault that names no path leaves it alone.
bool is_system_path(std::string_view path) {
  constexpr std::array<std::string_view, 8> kPrefixes = {
      "/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/proc/", "/sys/", "/dev/", "/etc/ld.so."};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view p) { return path.starts_with(p); });
}

/// A glob that does not start at the root may start in any directory: "*.wal" is "**/*.wal".
std::string anchored(const std::string& glob) {
  return glob.empty() || glob.starts_with('/') || glob.starts_with("**/") ? glob : "**/" + glob;
}

/// The path itself, or the directory it is in: "/data/" covers the files right in /data.
bool path_fits(const std::string& glob, const std::string& path) {
  if (glob_path(glob, path)) return true;
  size_t slash = path.rfind('/');
  return slash != std::string::npos && glob_path(glob, std::string_view(path).substr(0, slash + 1));
}

bool scope_fits(const Scope& scope, const SyscallOperation& operation) {
  // Name services and loggers are reached over Unix sockets before the call a fault means; one
  // written with scope= means them.
  if (scope.automatic && operation.syscall == "connect" &&
      operation.fd_kind == FdKinds::unix_socket)
    return false;
  switch (scope.kind) {
    case ScopeKind::any_fd:
      return true;
    case ScopeKind::kinds:
      // A call without a descriptor names files.
      return contains(scope.kinds,
                      operation.fd_kind == FdKinds::none ? FdKinds::file : operation.fd_kind);
    case ScopeKind::new_blocks:
      return operation.needs_new_blocks;
    case ScopeKind::changes:
      return operation.changes_file_system;
    case ScopeKind::grows:
      return operation.grows_file;
  }
  return false;
}

bool peer_fits(const std::vector<std::string>& to, const SyscallOperation& operation) {
  if (to.empty()) return true;
  if (operation.peer_service.empty()) return false;
  const std::string full = operation.peer_service + "." + operation.peer_interface;
  return std::any_of(to.begin(), to.end(), [&](const std::string& one) {
    return one == operation.peer_service || one == full;
  });
}

bool reaches_sockets(const Scope& scope) {
  if (scope.kind == ScopeKind::kinds) return contains(scope.kinds, FdKinds::socket);
  return scope.kind == ScopeKind::any_fd;
}

std::string_view action_name(SyscallAction action) {
  switch (action) {
    case SyscallAction::deny:
      return "deny";
    case SyscallAction::delay:
      return "delay";
    case SyscallAction::trace:
      return "trace";
    case SyscallAction::allow:
      return "allow";
  }
  return "";
}

SyscallDecision decision_of(const SyscallRule& rule, const SyscallOperation& operation) {
  SyscallDecision decision;
  if (rule.action == SyscallAction::trace) {
    decision.text = "trace";
    return decision;
  }
  decision.label = rule.declared.label;
  decision.op = rule.op;
  if (rule.action == SyscallAction::delay) {
    decision.kind = SyscallDecision::Kind::delay;
    decision.delay = rule.delay;
    decision.text = fmt::format("delay({})", format_duration(rule.delay));
    return decision;
  }
  decision.errno_name = rule.error_name;
  decision.scope = rule.scope.text();
  if (rule.scope.kind == ScopeKind::new_blocks && operation.writable_bytes > 0) {
    // As a full disk does: what fits is written, the next call gets the error.
    decision.kind = SyscallDecision::Kind::shorten;
    decision.allowed_bytes = operation.writable_bytes;
    decision.text = fmt::format("short({})", operation.writable_bytes);
    return decision;
  }
  decision.kind = SyscallDecision::Kind::deny;
  decision.error = rule.error;
  decision.text = fmt::format("deny({})", errno_text(rule.error));
  return decision;
}

}  // namespace

/// Owned by its window and, for the verdict, by the list of all.
struct SyscallDecider::ActiveRule {
  SyscallRule rule;
  TriggerState trigger;
  std::string path_glob;                // of the rule, anchored
  std::vector<std::string> other_ways;  // of doing what its calls do
  std::map<std::string, uint64_t> elsewhere;
  uint64_t seen = 0;
  uint64_t unresolved_paths = 0;
  uint64_t taken = 0;
  std::string taken_by;

  ActiveRule(SyscallRule declared, Random random)
      : rule(std::move(declared)),
        trigger(rule.trigger, random),
        path_glob(anchored(rule.path_glob)) {
    // What does the same to files is of the same family; the others are about sockets.
    if (is_fault() && reaches_sockets(rule.scope)) other_ways = fault::other_ways(rule.syscalls);
  }

  static std::string stream_name(const SyscallRule& rule) {
    return fmt::format("syscall {} {}", rule.service, rule.declared.text);
  }

  /// allow() is about nothing: it only makes the call intercepted.
  bool names(std::string_view syscall) const {
    if (rule.action == SyscallAction::allow) return false;
    return std::find(rule.syscalls.begin(), rule.syscalls.end(), syscall) != rule.syscalls.end();
  }

  void note_other_way(std::string_view syscall) {
    if (std::find(other_ways.begin(), other_ways.end(), syscall) != other_ways.end())
      ++elsewhere[std::string(syscall)];
  }

  void note_taken(std::string_view syscall, const ActiveRule& by) {
    if (!names(syscall)) return;
    ++taken;
    taken_by = by.rule.declared.text;
  }

  bool traces() const { return rule.action == SyscallAction::trace; }

  bool is_fault() const {
    return rule.action == SyscallAction::deny || rule.action == SyscallAction::delay;
  }

  Counters counters() const {
    Counters counted;
    counted.declared = rule.declared;
    counted.service = rule.service;
    counted.action = action_name(rule.action);
    if (rule.action == SyscallAction::deny) counted.detail = rule.error_name;
    if (rule.action == SyscallAction::delay) counted.detail = format_duration(rule.delay);
    counted.seen = seen;
    counted.matched = trigger.matched();
    counted.applied = trigger.fired();
    counted.elsewhere = elsewhere;
    counted.unresolved_paths = unresolved_paths;
    counted.taken = taken;
    counted.taken_by = taken_by;
    return counted;
  }
};

void SyscallDecider::restart(uint64_t seed) {
  std::lock_guard lock(mutex_);
  seed_ = seed;
  windows_.open.clear();
  windows_.all.clear();
}

WindowId SyscallDecider::open(std::vector<SyscallRule> rules) {
  std::lock_guard lock(mutex_);
  return open_window(windows_, std::move(rules), seed_);
}

std::vector<Counters> SyscallDecider::close(WindowId id) {
  std::lock_guard lock(mutex_);
  return close_window(windows_, id);
}

std::vector<Counters> SyscallDecider::counters() const {
  std::lock_guard lock(mutex_);
  std::vector<Counters> all;
  for (const auto& rule : windows_.all) {
    if (rule->is_fault()) merge_counters(all, rule->counters());
  }
  return all;
}

Needs SyscallDecider::needs(std::string_view syscall) const {
  std::lock_guard lock(mutex_);
  Needs needs;
  for (const auto& window : windows_.open) {
    for (const auto& active : window.rules) {
      if (!active->names(syscall)) continue;
      const SyscallRule& rule = active->rule;
      needs.path = true;  // also without a glob: system paths are exempt
      bool by_kind =
          rule.scope.kind == ScopeKind::kinds || (rule.scope.automatic && syscall == "connect");
      bool by_change = rule.scope.kind != ScopeKind::any_fd && rule.scope.kind != ScopeKind::kinds;
      needs.fd_kind = needs.fd_kind || by_kind || by_change;
      needs.growth = needs.growth || by_change;
      needs.peer = needs.peer || !rule.to.empty();
    }
  }
  return needs;
}

bool SyscallDecider::anything_open() const {
  std::lock_guard lock(mutex_);
  return !windows_.open.empty();
}

SyscallDecision SyscallDecider::decide(const SyscallOperation& operation) {
  std::lock_guard lock(mutex_);
  bool exempt = false;
  bool fault_above = false;
  const ActiveRule* decided_by = nullptr;
  SyscallDecision decision;
  for (auto window = windows_.open.rbegin(); window != windows_.open.rend(); ++window) {
    // Windows hold rules of one kind: those of trace() trace, all others do not.
    bool trace_only = !window->rules.empty() && window->rules.front()->traces();
    if (trace_only && fault_above) continue;
    fault_above = fault_above || !trace_only;
    for (const auto& rule : window->rules) {
      // A fault goes before a trace, however new that is.
      if (decided_by != nullptr && (rule->traces() || !decided_by->traces())) {
        rule->note_taken(operation.syscall, *decided_by);
        continue;
      }
      auto decided = try_rule(*rule, operation, exempt);
      if (!decided) continue;
      decision = std::move(*decided);
      decided_by = rule.get();
    }
  }
  if (decided_by == nullptr && exempt) decision.text = "allow (system path)";
  return decision;
}

std::optional<SyscallDecision> SyscallDecider::try_rule(ActiveRule& active,
                                                        const SyscallOperation& operation,
                                                        bool& exempt) {
  const SyscallRule& rule = active.rule;
  if (!active.names(operation.syscall)) {
    active.note_other_way(operation.syscall);
    return std::nullopt;
  }
  ++active.seen;
  if (!active.path_glob.empty()) {
    if (!operation.path || operation.path_unresolved) {
      ++active.unresolved_paths;
      return std::nullopt;
    }
    if (!path_fits(active.path_glob, *operation.path)) return std::nullopt;
  } else if (operation.path && is_system_path(*operation.path)) {
    exempt = true;
    return std::nullopt;
  }
  if (rule.action != SyscallAction::trace && !scope_fits(rule.scope, operation))
    return std::nullopt;
  if (!peer_fits(rule.to, operation)) return std::nullopt;
  if (!active.trigger.match()) return std::nullopt;
  return decision_of(rule, operation);
}

}  // namespace mishap::fault
