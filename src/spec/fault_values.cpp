// How faults, assumptions and their like print, and what they hold.
#include <fmt/format.h>

#include "mishap/base/duration.h"

#include "values.h"

namespace mishap::spec {
namespace {

std::string probability_text(double probability) { return fmt::format("{:g}%", probability * 100); }

}  // namespace

void HealthcheckValue::append_repr(std::string& out) const {
  std::string_view scheme;
  if (value.kind == engine::Healthcheck::Kind::tcp) scheme = "tcp://";
  if (value.kind == engine::Healthcheck::Kind::kafka) scheme = "kafka://";
  out += fmt::format("<healthcheck {}{}>", scheme, value.address.empty() ? "ready" : value.address);
}

void SyscallFaultValue::append_repr(std::string& out) const {
  std::string what = "allow";
  if (value.action == fault::SyscallAction::deny) what = "deny=" + value.error_name;
  if (value.action == fault::SyscallAction::delay) what = "delay=" + format_duration(value.delay);
  out += fmt::format("<fault {}", what);
  if (value.action != fault::SyscallAction::allow)
    out += " prob=" + probability_text(value.trigger.probability);
  if (!value.declared.label.empty()) out += fmt::format(" label=\"{}\"", value.declared.label);
  out += ">";
}

void ProtocolFaultValue::append_repr(std::string& out) const {
  out += fmt::format("<proxy_fault {}>", fault::to_string(value.action));
}

void PacketFaultValue::append_repr(std::string& out) const {
  out += fmt::format("<packet_fault {}>", fault::to_string(value.action));
}

void AssumptionValue::append_repr(std::string& out) const {
  out += "<fault_assumption " + value.name;
  for (const auto& rule : value.syscall_rules)
    out += fmt::format(" {}.{}", rule.service, rule.declared.text);
  for (const auto& rule : value.protocol_rules) {
    out += fmt::format(" {}.{} {}", rule.service, rule.interface, rule.declared.text);
  }
  for (const auto& rule : value.partitions) out += " " + rule.declared.text;
  out += ">";
}

void AssumptionValue::visit_children(const starlark::ValueVisitor& visit) {
  for (auto& monitor : value.monitors) visit(monitor);
}

void MonitorValue::visit_children(const starlark::ValueVisitor& visit) {
  // state_init is not shown: it is copied for every registration, and must stay changeable for
  // that.
  for (Value* held : {&value.on_event, &value.on, &value.update, &value.check}) visit(*held);
}

void ObserveValue::append_repr(std::string& out) const {
  out += fmt::format("<observe {}{}{}>", engine::to_string(value.source),
                     value.name.empty() ? "" : " ", value.name);
}

Result<Value> ExpectationValue::call(Thread& thread, const starlark::CallArgs& args) {
  if (args.positional.size() != 1 || !args.keywords.empty())
    return fail(shown_ + ": want one argument, the result");
  MISHAP_TRY(judge_(thread, args.positional[0]));
  return Value::none();
}

std::string callable_name(const Value& callable) {
  if (callable.kind() == starlark::Kind::kFunction)
    return std::string(callable.as<starlark::FunctionObject>().name());
  if (callable.kind() == starlark::Kind::kBuiltin) return callable.as<starlark::Builtin>().name();
  if (auto* expectation = starlark::host_cast<ExpectationValue>(callable))
    return expectation->shown();
  return std::string(starlark::type_name(callable));
}

}  // namespace mishap::spec
