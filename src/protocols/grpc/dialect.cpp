#include "dialect.h"

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/base/text.h"

#include "bodies.h"
#include "status.h"

namespace mishap::protocols::grpc {

using fault::ProtocolAction;
using fault::ProtocolRule;

namespace {

/// Clients say UNAVAILABLE of a connection that is gone, and do not try again by themselves what
/// may have reached a server, as they do when a stream is refused.
constexpr std::string_view kDropCode = "CONNECTION";

std::string_view drop_code(const ProtocolRule& rule) {
  return rule.code.empty() ? kDropCode : std::string_view(rule.code);
}

std::string message_of(const ProtocolRule& rule) {
  return rule.message.empty() ? "injected fault" : rule.message;
}

int status_of(const ProtocolRule& rule) {
  auto status = error_status(rule);
  return status ? *status : kInternal;
}

}  // namespace

Result<int> error_status(const ProtocolRule& rule) {
  if (!rule.code.empty() && (rule.status || !rule.status_name.empty()))
    return fail("status= and code= mean the same; give one of them");
  std::string text = rule.status_name.empty() ? rule.code : rule.status_name;
  if (rule.status) text = std::to_string(*rule.status);
  if (text.empty()) return kInternal;
  MISHAP_ASSIGN(int status, parse_code(text));
  if (status == kOk) return fail("status OK is no error: give one from 1 to 16");
  return status;
}

bool GrpcDialect::matches(const ProtocolRule& rule, const h2core::Request& request) const {
  for (const auto& [name, pattern] : rule.matchers) {
    if (name == "method") {
      if (!glob_request(pattern, request.path)) return false;
    } else if (!pattern.empty() && pattern != "*") {
      return false;
    }
  }
  return h2core::metadata_matches(rule, request.fields);
}

event::Fields GrpcDialect::describe(const h2core::Request& request) const {
  return {{"method", request.path}};
}

void GrpcDialect::describe_answer(const ProtocolRule& rule, event::Fields& fields) const {
  if (rule.action == ProtocolAction::drop) {
    fields.set("code", to_upper(drop_code(rule)));
    return;
  }
  if (rule.action == ProtocolAction::respond) {
    fields.set("code", code_name(kOk));
    return;
  }
  fields.set("code", code_name(status_of(rule)));
  fields.set("error", message_of(rule));
}

h2core::Answer GrpcDialect::answer(const ProtocolRule& rule, const h2core::Request&) const {
  h2core::Answer answer;
  answer.head = {{":status", "200"}, {"content-type", "application/grpc"}};
  if (rule.action == ProtocolAction::respond) {
    if (auto messages = answer_messages(rule)) {
      for (const auto& [name, value] : rule.headers) answer.head.push_back({to_lower(name), value});
      answer.body = std::move(*messages);
      answer.trailers = {{"grpc-status", std::to_string(kOk)}};
      return answer;
    }
  }
  for (auto& field : end_of_answer(rule)) answer.head.push_back(std::move(field));
  return answer;
}

h2core::HeaderFields GrpcDialect::end_of_answer(const ProtocolRule& rule) const {
  return {{"grpc-status", std::to_string(status_of(rule))},
          {"grpc-message", percent_encoded(message_of(rule))}};
}

h2core::Drop GrpcDialect::drop(const ProtocolRule& rule) const {
  auto drop = h2core::parse_drop(drop_code(rule));
  return drop ? *drop : h2core::Drop{};
}

const GrpcDialect& dialect() {
  static const GrpcDialect kDialect;
  return kDialect;
}

}  // namespace mishap::protocols::grpc
