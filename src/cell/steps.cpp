#include "steps.h"

#include <array>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::cell {
namespace {

constexpr size_t kLongestArgumentBytes = 200;
constexpr size_t kLongestPreviewBytes = 500;
constexpr size_t kLongestBodyBytes = 2048;
constexpr size_t kLongestSummaryErrorBytes = 60;

/// Arguments that may hold secrets (headers aside, whose values are redacted) are not listed.
constexpr std::array kShownArguments = {"sql",   "query",   "args",    "params", "path",
                                        "body",  "headers", "table",   "key",    "value",
                                        "topic", "message", "payload", "db",     "command"};
constexpr std::array kPreviewArguments = {"sql", "query",  "path", "topic", "command",
                                          "cmd", "method", "key",  "body",  "data"};

std::string preview(const traffic::StepCall& call) {
  for (const char* name : kPreviewArguments) {
    auto found = call.arguments.find(name);
    if (found != call.arguments.end() && !found->is_null()) {
      return " " + truncated(redact(scalar_text(*found)), kLongestPreviewBytes);
    }
  }
  return "";
}

void emit_send(const std::string& service, const std::string& interface,
               const traffic::Protocol& protocol, const traffic::StepCall& call,
               const std::string& spec, event::Log& log) {
  event::Draft draft{.type = "step_send", .service = "test"};
  draft.fields = {{"target", service},
                  {"method", call.method},
                  {"interface", interface},
                  {"protocol", std::string(protocol.name())},
                  {"summary", send_summary(service, call)}};
  if (!spec.empty()) draft.fields.set("spec", spec);
  for (const char* name : kShownArguments) {
    auto found = call.arguments.find(name);
    if (found == call.arguments.end()) continue;
    draft.fields.set(name, truncated(redact(scalar_text(*found)), kLongestArgumentBytes));
  }
  draft.seen_by = {service};
  log.append(std::move(draft));
}

void emit_receive(const std::string& service, const traffic::StepCall& call, const TimedStep& step,
                  const std::string& spec, event::Log& log) {
  const traffic::StepResult& result = step.result;
  event::Draft draft{.type = "step_recv", .service = "test"};
  draft.fields = {{"target", service},
                  {"method", call.method},
                  {"duration_ms", std::to_string(step.duration.count())},
                  {"success", result.ok ? "true" : "false"},
                  {"summary", receive_summary(service, call, result)}};
  if (result.status != 0) draft.fields.set("status_code", std::to_string(result.status));
  if (result.status != 0 && (result.status < 200 || result.status > 299)) {
    draft.fields.set("body", truncated(result.body, kLongestBodyBytes));
  }
  if (!result.error.empty())
    draft.fields.set("error", truncated(result.error, kLongestArgumentBytes));
  for (const auto& [name, value] : result.fields)
    draft.fields.set(name, truncated(value, kLongestArgumentBytes));
  if (!spec.empty()) draft.fields.set("spec", spec);
  draft.merges = {service};
  log.append(std::move(draft));
}

}  // namespace

std::string send_summary(const std::string& service, const traffic::StepCall& call) {
  return fmt::format("→ {}.{}{}", service, call.method, preview(call));
}

std::string receive_summary(const std::string& service, const traffic::StepCall& call,
                            const traffic::StepResult& result) {
  std::string text = fmt::format("← {}.{}{}", service, call.method, preview(call));
  if (result.status != 0) text += fmt::format("  [{}]", result.status);
  if (!result.error.empty()) text += "  ERR: " + truncated(result.error, kLongestSummaryErrorBytes);
  return text;
}

Result<TimedStep> run_step(const traffic::Protocol& protocol, const traffic::StepCall& call,
                           const std::string& service, const std::string& interface,
                           const std::string& spec, event::Log& log) {
  emit_send(service, interface, protocol, call, spec, log);
  auto begin = net::Clock::now();
  MISHAP_ASSIGN(auto result, protocol.step(call));
  TimedStep step{std::move(result),
                 std::chrono::duration_cast<std::chrono::milliseconds>(net::Clock::now() - begin)};
  emit_receive(service, call, step, spec, log);
  return step;
}

}  // namespace mishap::cell
