#include "rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/unseen.h"
#include "mishap/fault/names.h"

#include "binding.h"
#include "rule_checks.h"
namespace mishap::spec {
namespace {

const starlark::TypeSet kSyscallFault =
    starlark::types::host("fault").described("deny(…), delay(\"…\") or allow()");
const starlark::TypeSet kProtocolFault =
    starlark::types::host("proxy_fault")
        .described("error(…), response(…), delay(delay=\"…\"), drop(…) or duplicate(…)");

/// The syscalls behind one keyword, and the op it names, if it does.
struct Resolved {
  std::vector<std::string> syscalls;
  std::string op, path_glob;
};

Result<Resolved> resolve_keyword(const CallContext& call, const engine::Service& service,
                                 const std::string& keyword, int error) {
  if (auto op = service.ops.find(keyword); op != service.ops.end()) {
    return Resolved{op->second.syscalls, keyword, op->second.path_glob};
  }
  auto known = fault::resolve_syscalls(keyword, error);
  if (known) return Resolved{*known, "", ""};
  std::vector<std::string> ops;
  ops.reserve(service.ops.size());
  for (const auto& [name, op] : service.ops) ops.push_back(name);
  if (std::string near = did_you_mean(keyword, ops); !near.empty())
    return call.error(fmt::format("unknown op or syscall \"{}\"{}", keyword, near));
  std::string message = known.error().message;
  if (!ops.empty()) message += fmt::format(" (ops of {}: {})", service.name, join(ops, ", "));
  return call.error(message);
}

/// A keyword that is neither a syscall nor given a fault is a parameter misspelt: says which.
Result<void> refuse_misspelt(const CallContext& call, const std::string& keyword,
                             const Value& value, std::span<const std::string> parameters) {
  if (starlark::host_cast<SyscallFaultValue>(value) != nullptr) return {};
  std::string near = did_you_mean(keyword, parameters);
  if (near.empty() || fault::resolve_syscalls(keyword)) return {};
  return call.error(fmt::format("unexpected keyword argument \"{}\"{}", keyword, near));
}

}  // namespace

Result<std::vector<fault::SyscallRule>> syscall_rules(
    const CallContext& call, const engine::Service& service,
    std::span<const starlark::KeywordArg> keywords, std::span<const std::string> parameters) {
  if (service.source == engine::Service::Source::remote && !keywords.empty()) {
    return call.error(
        fmt::format("service \"{}\" is remote: its syscalls cannot be seen", service.name));
  }
  std::vector<fault::SyscallRule> rules;
  for (const auto& [name, value] : keywords) {
    std::string keyword(name.text());
    MISHAP_TRY(refuse_misspelt(call, keyword, value, parameters));
    auto* declared = starlark::host_cast<SyscallFaultValue>(value);
    MISHAP_ASSIGN(auto resolved, resolve_keyword(call, service, keyword,
                                                 declared == nullptr ? 0 : declared->value.error));
    if (declared == nullptr) return wrong_type(call, keyword, value, kSyscallFault);
    fault::SyscallRule rule = declared->value;
    rule.service = service.name;
    rule.keyword = keyword;
    rule.op = resolved.op;
    rule.syscalls = std::move(resolved.syscalls);
    if (!resolved.path_glob.empty()) rule.path_glob = resolved.path_glob;
    rule.declared.text = keyword + "=" + rule.declared.text;
    MISHAP_TRY(refuse_vain(call, rule));
    if (auto why = cell::unseen(service, rule.declared.text)) return call.error(*why);
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<std::vector<fault::ProtocolRule>> protocol_rules(const CallContext& call,
                                                        const InterfaceRef& target,
                                                        std::span<const Value> rules,
                                                        const std::string& source) {
  std::vector<fault::ProtocolRule> resolved;
  for (const Value& value : rules) {
    auto* declared = starlark::host_cast<ProtocolFaultValue>(value);
    if (declared == nullptr)
      return wrong_type(call, item_name("rules", resolved.size()), value, kProtocolFault);
    fault::ProtocolRule rule = declared->value;
    rule.service = target.service;
    rule.interface = target.interface.name;
    rule.source = source;
    rule.contract = target.interface.spec;
    MISHAP_TRY(refuse_vain(call, target, rule));
    resolved.push_back(std::move(rule));
  }
  return resolved;
}

Result<std::vector<fault::SyscallRule>> trace_rules(const CallContext& call,
                                                    const engine::Service& service,
                                                    const std::vector<std::string>& names) {
  std::vector<fault::SyscallRule> rules;
  for (const auto& name : names) {
    MISHAP_ASSIGN(auto resolved, resolve_keyword(call, service, name, 0));
    fault::SyscallRule rule;
    rule.service = service.name;
    rule.keyword = name;
    rule.op = resolved.op;
    rule.syscalls = std::move(resolved.syscalls);
    rule.path_glob = resolved.path_glob;
    rule.action = fault::SyscallAction::trace;
    rule.declared.text = "trace(" + name + ")";
    rule.declared.pos = call.thread().caller_pos();
    if (auto why = cell::unseen(service, rule.declared.text)) return call.error(*why);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace mishap::spec
