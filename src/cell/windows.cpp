#include "windows.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "mishap/base/check.h"
#include "mishap/base/text.h"
#include "mishap/cell/unseen.h"

namespace mishap::cell {
namespace {

using fault::SyscallAction;
using fault::SyscallRule;

/// As the reference words it: `deny(EIO) → filter:[write,writev,pwrite64] label="torn"`.
std::string applied_text(const SyscallRule& rule) {
  std::string what = "allow()";
  if (rule.action == SyscallAction::deny) what = fmt::format("deny({})", rule.error_name);
  if (rule.action == SyscallAction::delay)
    what = fmt::format("delay({})", format_duration(rule.delay));
  if (rule.action == SyscallAction::trace) what = "trace";
  std::string text = fmt::format("{} → filter:[{}]", what, join(rule.syscalls, ","));
  if (!rule.declared.label.empty()) text += fmt::format(" label=\"{}\"", rule.declared.label);
  return text;
}

/// "needed new blocks of a regular file", "was on a socket", "had a path like /data/**".
std::string fits_text(const SyscallRule& rule) {
  std::string text;
  switch (rule.scope.kind) {
    case fault::ScopeKind::new_blocks:
      text = "needed new blocks of a regular file";
      break;
    case fault::ScopeKind::changes:
      text = "would have changed a file or directory";
      break;
    case fault::ScopeKind::grows:
      text = "would have grown a regular file";
      break;
    case fault::ScopeKind::kinds:
      text = "was on a descriptor of the fault's kind (" + rule.scope.text() + ")";
      break;
    case fault::ScopeKind::any_fd:
      break;
  }
  auto add = [&](const std::string& more) { text += (text.empty() ? "" : " and ") + more; };
  if (!rule.path_glob.empty()) add("had a path like " + rule.path_glob);
  if (!rule.to.empty()) add("went to " + join(rule.to, " or "));
  return text;
}

std::set<std::string> services_of(const WindowPlan& window) {
  std::set<std::string> services;
  for (const auto& rule : window.syscall_rules) services.insert(rule.service);
  return services;
}

std::set<std::pair<std::string, std::string>> interfaces_of(const WindowPlan& window) {
  std::set<std::pair<std::string, std::string>> interfaces;
  for (const auto& rule : window.protocol_rules) interfaces.insert({rule.service, rule.interface});
  return interfaces;
}

}  // namespace

Result<void> Windows::check(const SyscallRule& rule) const {
  auto service = std::find_if(plan_.services.begin(), plan_.services.end(),
                              [&](const auto& s) { return s.name == rule.service; });
  if (service != plan_.services.end()) {
    if (auto why = unseen(*service, rule.declared.text)) return fail(*why);
  }
  MISHAP_TRY(require_running(rule.service));
  auto notified = plan_.notified.find(rule.service);
  for (const auto& syscall : rule.syscalls) {
    if (notified != plan_.notified.end() && notified->second.contains(syscall)) continue;
    return fail(
        fmt::format("[FAULT_NOT_FILTERABLE] {} on service \"{}\" cannot be seen: the filter that "
                    "was installed at its start does not "
                    "notify {}(). Name the fault where Mishap can find it before the start: a "
                    "call fault({}, {}=…) in the test or a "
                    "function it calls, or a fault_assumption",
                    rule.declared.text, rule.service, syscall, rule.service, rule.keyword));
  }
  return {};
}

Result<void> Windows::check(const fault::ProtocolRule& rule) const {
  if (auto why = unseen(plan_.services, rule)) return fail(*why);
  if (plan_.relayed.contains({rule.service, rule.interface})) return {};
  return fail(
      fmt::format("[FAULT_NOT_FILTERABLE] {} on {}.{} cannot take effect: the interface is not "
                  "relayed in this test",
                  rule.declared.text, rule.service, rule.interface));
}

Result<void> Windows::require_running(const std::string& service) const {
  if (services_.running(service)) return {};
  return fail(fmt::format("service \"{}\" is not running", service));
}

Result<void> Windows::check(const fault::PartitionRule& rule) const {
  MISHAP_TRY(require_running(rule.a));
  MISHAP_TRY(require_running(rule.b));
  return partitions_.check(rule);
}

Result<void> Windows::check(const WindowPlan& window) const {
  for (const auto& rule : window.syscall_rules) MISHAP_TRY(check(rule));
  for (const auto& rule : window.protocol_rules) MISHAP_TRY(check(rule));
  for (const auto& rule : window.partitions) MISHAP_TRY(check(rule));
  return links_.check(window);
}

Result<WindowHandle> Windows::open(const WindowPlan& window) {
  MISHAP_TRY(check(window));
  std::lock_guard lock(mutex_);
  Open open{window, {}, {}, {}, {}};
  std::map<std::string, std::vector<SyscallRule>> by_service;
  for (const auto& rule : window.syscall_rules) {
    by_service[rule.service].push_back(rule);
    fits_[rule.service + " " + rule.declared.text] = fits_text(rule);
  }
  for (auto& [service, rules] : by_service) {
    auto* decider = services_.decider(service);
    MISHAP_CHECK(decider != nullptr, "{} notifies syscalls without a supervisor", service);
    open.syscall_windows[service] = decider->open(std::move(rules));
  }
  if (!window.protocol_rules.empty()) open.protocol_window = protocols_.open(window.protocol_rules);
  if (!window.trace_only) {
    any_fault_opened_ = true;
    services_.faults_are_on();
  }
  announce(open);
  for (const auto& rule : window.partitions)
    open.partitions.push_back(partitions_.open(rule, window.assumption));
  open.links = links_.open(window);
  WindowHandle handle = next_++;
  open_.emplace(handle, std::move(open));
  return handle;
}

void Windows::announce(const Open& open) {
  for (const auto& service : services_of(open.plan)) {
    event::Draft draft;
    draft.service = service;
    draft.type = open.plan.trace_only ? "trace_applied" : "fault_applied";
    for (const auto& rule : open.plan.syscall_rules) {
      if (rule.service == service) draft.fields.set(rule.keyword, applied_text(rule));
    }
    log_.append(std::move(draft));
  }
  for (const auto& [service, interface] : interfaces_of(open.plan)) {
    event::Draft draft{.type = "proxy_fault_applied", .service = service};
    draft.fields.set("interface", interface);
    for (const auto& rule : open.plan.protocol_rules) {
      if (rule.service != service || rule.interface != interface) continue;
      if (!rule.source.empty()) draft.fields.set("source", rule.source);
      draft.fields.set("rules",
                       draft.fields.find("rules") == nullptr
                           ? rule.declared.text
                           : std::string(draft.fields.get("rules")) + ", " + rule.declared.text);
    }
    if (!open.plan.assumption.empty()) draft.fields.set("assumption", open.plan.assumption);
    log_.append(std::move(draft));
  }
}

void Windows::withdraw(const Open& open,
                       const std::map<std::string, std::vector<fault::Counters>>& counted) {
  for (const auto& [service, rules] : counted) {
    for (const auto& rule : rules) {
      if (rule.matched > 0 || rule.action == "allow") continue;
      event::Draft draft{.type = "fault_zero_traffic", .service = service};
      draft.fields.set("syscall", rule.declared.text.substr(0, rule.declared.text.find('=')));
      draft.fields.set("action", rule.action);
      if (!rule.declared.label.empty()) draft.fields.set("label", rule.declared.label);
      if (rule.unresolved_paths > 0)
        draft.fields.set("unresolved_paths", std::to_string(rule.unresolved_paths));
      log_.append(std::move(draft));
    }
  }
  for (const auto& service : services_of(open.plan)) {
    log_.append(
        {.type = open.plan.trace_only ? "trace_removed" : "fault_removed", .service = service});
  }
  for (const auto& [service, interface] : interfaces_of(open.plan)) {
    event::Draft draft{.type = "proxy_fault_removed", .service = service};
    draft.fields.set("interface", interface);
    if (!open.plan.assumption.empty()) draft.fields.set("assumption", open.plan.assumption);
    log_.append(std::move(draft));
  }
}

void Windows::close(WindowHandle handle) {
  std::lock_guard lock(mutex_);
  auto found = open_.find(handle);
  if (found == open_.end()) return;
  links_.close(found->second.links);
  for (auto id = found->second.partitions.rbegin(); id != found->second.partitions.rend(); ++id)
    partitions_.close(*id);
  std::map<std::string, std::vector<fault::Counters>> counted;
  for (const auto& [service, window] : found->second.syscall_windows) {
    counted[service] = services_.decider(service)->close(window);
  }
  if (found->second.protocol_window) protocols_.close(*found->second.protocol_window);
  withdraw(found->second, counted);
  open_.erase(found);
}

void Windows::close_all() {
  std::vector<Partitions::Id> forgotten;
  while (true) {
    WindowHandle last = 0;
    {
      std::lock_guard lock(mutex_);
      if (open_.empty()) {
        links_.end_limits();
        return partitions_.leaked(forgotten);
      }
      const auto& [handle, open] = *open_.rbegin();
      last = handle;
      if (open.plan.until_stopped)
        forgotten.insert(forgotten.begin(), open.partitions.begin(), open.partitions.end());
    }
    close(last);
  }
}

std::string Windows::fits(const fault::Counters& counters) const {
  std::lock_guard lock(mutex_);
  auto found = fits_.find(counters.service + " " + counters.declared.text);
  return found == fits_.end() ? "" : found->second;
}

std::vector<fault::Counters> Windows::counters() const {
  std::vector<fault::Counters> all = protocols_.counters();
  for (const auto& service : plan_.services) {
    if (auto* decider = services_.decider(service.name)) {
      auto more = decider->counters();
      all.insert(all.end(), more.begin(), more.end());
    }
  }
  std::lock_guard lock(mutex_);
  std::vector<fault::Counters> merged;
  for (auto& partition : partitions_.counters()) all.push_back(std::move(partition));
  for (auto& link : links_.counters()) all.push_back(std::move(link));
  for (const auto& one : all) {
    auto same = std::find_if(merged.begin(), merged.end(), [&](const fault::Counters& m) {
      return m.service == one.service && m.interface == one.interface &&
             m.declared.text == one.declared.text &&
             m.declared.assumption == one.declared.assumption &&
             m.declared.pos.text() == one.declared.pos.text();
    });
    if (same == merged.end()) {
      merged.push_back(one);
      continue;
    }
    same->seen += one.seen;
    same->matched += one.matched;
    same->applied += one.applied;
    same->unresolved_paths += one.unresolved_paths;
    for (const auto& [syscall, count] : one.elsewhere) same->elsewhere[syscall] += count;
  }
  return merged;
}

}  // namespace mishap::cell
