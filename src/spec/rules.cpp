#include "rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/fault/names.h"
#include "mishap/protocols/registry.h"

namespace mishap::spec {
namespace {

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
  std::string ops;
  for (const auto& [name, op] : service.ops) ops += (ops.empty() ? "" : ", ") + name;
  std::string message = known.error().message;
  if (!ops.empty()) message += fmt::format(" (ops of {}: {})", service.name, ops);
  return call.error(message);
}

Result<void> refuse_unsupported(const CallContext& call, const InterfaceRef& target,
                                const fault::ProtocolRule& rule) {
  const traffic::Protocol* protocol = protocols::find(target.interface.protocol);
  if (protocol == nullptr)
    return call.error(fmt::format("unsupported protocol \"{}\"", target.interface.protocol));
  const auto& actions = protocol->actions();
  if (std::find(actions.begin(), actions.end(), rule.action) == actions.end()) {
    std::vector<std::string> names;
    for (auto action : actions)
      names.emplace_back(action == fault::ProtocolAction::respond ? "response" : to_string(action));
    return call.error(fmt::format("{} cannot take effect on {}.{}: {} interfaces know {}",
                                  rule.declared.text, target.service, target.interface.name,
                                  protocol->name(), join(names, ", ")));
  }
  const auto& matchers = protocol->matchers();
  for (const auto& [name, pattern] : rule.matchers) {
    if (std::find(matchers.begin(), matchers.end(), name) != matchers.end()) continue;
    return call.error(
        fmt::format("{} would never match on {}.{}: {} requests have no {}; they are matched by {}",
                    rule.declared.text, target.service, target.interface.name, protocol->name(),
                    name, matchers.empty() ? "nothing" : join(matchers, ", ")));
  }
  return {};
}

}  // namespace

Result<std::vector<fault::SyscallRule>> syscall_rules(
    const CallContext& call, const engine::Service& service,
    std::span<const starlark::KeywordArg> keywords) {
  if (service.source == engine::Service::Source::remote && !keywords.empty()) {
    return call.error(
        fmt::format("service \"{}\" is remote: its syscalls cannot be seen", service.name));
  }
  std::vector<fault::SyscallRule> rules;
  for (const auto& [name, value] : keywords) {
    std::string keyword(name.text());
    auto* declared = starlark::host_cast<SyscallFaultValue>(value);
    MISHAP_ASSIGN(auto resolved, resolve_keyword(call, service, keyword,
                                                 declared == nullptr ? 0 : declared->value.error));
    if (declared == nullptr) {
      return call.error(fmt::format("{}: got {}, want deny(…), delay(…) or allow()", keyword,
                                    starlark::type_name(value)));
    }
    fault::SyscallRule rule = declared->value;
    rule.service = service.name;
    rule.keyword = keyword;
    rule.op = resolved.op;
    rule.syscalls = std::move(resolved.syscalls);
    if (!resolved.path_glob.empty()) rule.path_glob = resolved.path_glob;
    rule.declared.text = keyword + "=" + rule.declared.text;
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
    if (declared == nullptr) {
      return call.error(
          fmt::format("rules: got {}, want error(…), response(…), delay(delay=…) or drop(…)",
                      starlark::type_name(value)));
    }
    fault::ProtocolRule rule = declared->value;
    rule.service = target.service;
    rule.interface = target.interface.name;
    rule.source = source;
    MISHAP_TRY(refuse_unsupported(call, target, rule));
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
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace mishap::spec
