#include "mishap/protocols/grpc/grpc.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "mishap/protocols/h2core/filter.h"

#include "bodies.h"
#include "dialect.h"
#include "metadata.h"
#include "steps.h"
#include "types.h"

namespace mishap::protocols::grpc {
namespace {

using fault::ProtocolAction;

/// A pattern that no "/package.Service/Method" can match is an error.
Result<void> check_method(const std::string& pattern) {
  if (pattern.empty() || std::string_view("*?[").find(pattern.front()) != std::string_view::npos)
    return {};
  const std::string never = "method=\"" + pattern + "\" never matches: methods of grpc ";
  const auto slashes = static_cast<size_t>(std::count(pattern.begin(), pattern.end(), '/'));
  const bool begins_well = pattern.front() == '/';
  if (!begins_well && slashes > 0) return fail(never + "begin with a slash: \"/" + pattern + "\"");
  // Without a star a pattern is compared as it is.
  const bool is_open = pattern.find('*') != std::string::npos;
  if (begins_well && (is_open || parse_method(pattern))) return {};
  std::string remedy = "are \"/package.Service/Method\"";
  if (slashes < 2) remedy += ", as in \"*/" + pattern.substr(slashes) + "\"";
  return fail(never + remedy);
}

Result<void> check_response(const fault::ProtocolRule& rule) {
  if (rule.status || !rule.status_name.empty())
    return fail("a response of grpc is OK; for another status write error(status=…)");
  for (const auto& [name, value] : rule.headers) MISHAP_TRY(metadata_name(name));
  MISHAP_TRY(answer_messages(rule));
  return {};
}

class GrpcProtocol final : public traffic::Protocol {
 public:
  GrpcProtocol()
      : Protocol({.name = "grpc",
                  .methods = step_methods(),
                  .actions = {ProtocolAction::error, ProtocolAction::respond, ProtocolAction::delay,
                              ProtocolAction::drop},
                  .matchers = {"method", "metadata"},
                  .answers = {"status", "message", "code", "messages", "body", "headers"},
                  .alpn = {"h2"},
                  .drops_with_code = true,
                  .names_statuses = true}) {}

  Result<void> check(const fault::ProtocolRule& rule) const override {
    if (rule.action == ProtocolAction::drop && !rule.code.empty()) {
      MISHAP_ASSIGN([[maybe_unused]] auto drop, h2core::parse_drop(rule.code));
    }
    if (rule.action == ProtocolAction::error) {
      MISHAP_ASSIGN([[maybe_unused]] int status, error_status(rule));
    }
    if (rule.action == ProtocolAction::respond) MISHAP_TRY(check_response(rule));
    auto method = rule.matchers.find("method");
    return method == rule.matchers.end() ? Result<void>() : check_method(method->second);
  }

  Result<void> check_contract(const std::string& path) const override {
    MISHAP_ASSIGN([[maybe_unused]] auto types, Types::from_contract(path));
    return {};
  }

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<h2core::H2Filter>(dialect());
  }

  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    return run_step(call);
  }

  Result<void> ready(const net::Endpoint& endpoint, const std::map<std::string, std::string>&,
                     net::Deadline deadline) const override {
    return check_ready(endpoint, deadline);
  }
};

}  // namespace

const traffic::Protocol& grpc_protocol() {
  static const GrpcProtocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::grpc
