#include "dialect.h"

#include "mishap/base/text.h"
#include "mishap/protocols/http/semantics.h"

namespace mishap::protocols::http2 {

using fault::ProtocolAction;
using fault::ProtocolRule;

namespace {

std::string_view drop_code(const ProtocolRule& rule) {
  return rule.code.empty() ? kDropCode : std::string_view(rule.code);
}

}  // namespace

bool HttpDialect::matches(const ProtocolRule& rule, const h2core::Request& request) const {
  return http::rule_matches(rule, request.method, http::path_of_target(request.path)) &&
         h2core::metadata_matches(rule, request.fields);
}

event::Fields HttpDialect::describe(const h2core::Request& request) const {
  return {{"method", request.method}, {"path", http::path_of_target(request.path)}};
}

void HttpDialect::describe_answer(const ProtocolRule& rule, event::Fields& fields) const {
  if (rule.action == ProtocolAction::drop) {
    fields.set("code", to_upper(drop_code(rule)));
  } else {
    fields.set("status", std::to_string(http::made_up_status(rule)));
  }
}

h2core::Answer HttpDialect::answer(const ProtocolRule& rule, const h2core::Request& request) const {
  h2core::Answer answer;
  const int status = http::made_up_status(rule);
  answer.head.push_back({":status", std::to_string(status)});
  for (const auto& [name, value] : http::made_up_headers(rule)) {
    const std::string lower = to_lower(name);
    // Of a connection, which here has other means (RFC 9113, 8.2.2).
    if (lower == "connection" || lower == "keep-alive" || lower == "proxy-connection" ||
        lower == "upgrade")
      continue;
    answer.head.push_back({lower, value});
  }
  if (http::is_bodiless(status)) return answer;
  answer.body = http::made_up_body(rule);
  answer.head.push_back({"content-length", std::to_string(answer.body.size())});
  if (request.method == "HEAD") answer.body.clear();
  return answer;
}

h2core::HeaderFields HttpDialect::end_of_answer(const ProtocolRule&) const { return {}; }

h2core::Drop HttpDialect::drop(const ProtocolRule& rule) const {
  auto drop = h2core::parse_drop(drop_code(rule));
  return drop ? *drop : h2core::Drop{};
}

const HttpDialect& dialect() {
  static const HttpDialect kDialect;
  return kDialect;
}

}  // namespace mishap::protocols::http2
