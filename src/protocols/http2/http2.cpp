#include "mishap/protocols/http2/http2.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/protocols/h2core/filter.h"
#include "mishap/protocols/h2core/session.h"
#include "mishap/protocols/http/semantics.h"

#include "dialect.h"

namespace mishap::protocols::http2 {
namespace {

/// What HTTP/1 says of the connection has no place here (RFC 9113, 8.2.2).
bool is_of_a_connection(const std::string& lower_name) {
  return lower_name == "connection" || lower_name == "keep-alive" || lower_name == "upgrade" ||
         lower_name == "proxy-connection" || lower_name == "transfer-encoding";
}

h2core::ClientRequest translate(const http::Request& request, const net::Endpoint& endpoint) {
  h2core::ClientRequest out;
  const std::string* host = http::find_header(request.headers, "host");
  out.fields = {{":method", request.method},
                {":scheme", endpoint.tls ? "https" : "http"},
                {":authority", host == nullptr ? endpoint.text() : *host},
                {":path", request.target}};
  if (http::find_header(request.headers, "user-agent") == nullptr)
    out.fields.push_back({"user-agent", "mishap"});
  if (http::find_header(request.headers, "accept") == nullptr)
    out.fields.push_back({"accept", "*/*"});
  for (const auto& [name, value] : request.headers) {
    std::string lower = to_lower(name);
    if (lower != "host" && !is_of_a_connection(lower)) out.fields.push_back({lower, value});
  }
  out.body = request.body;
  return out;
}

Result<http::Response> translate(h2core::ClientResponse response) {
  if (response.reset)
    return fail(fmt::format("stream reset: {}", h2core::error_name(*response.reset)));
  http::Response out;
  for (auto* part : {&response.head, &response.trailers}) {
    for (h2core::HeaderField& field : *part) {
      if (field.name == ":status") {
        const std::string& text = field.value;
        std::from_chars(text.data(), text.data() + text.size(), out.status);
      } else {
        out.headers.emplace_back(std::move(field.name), std::move(field.value));
      }
    }
  }
  out.body = std::move(response.body);
  return out;
}

Result<http::Response> fetch(const net::Endpoint& endpoint, const http::Request& request,
                             net::Deadline deadline, const net::Cancel* cancel) {
  MISHAP_ASSIGN(auto session, h2core::Session::open(endpoint, deadline, cancel));
  MISHAP_ASSIGN(auto response,
                session->exchange(translate(request, endpoint), http::kBodyLimitBytes));
  return translate(std::move(response));
}

class Http2Protocol final : public traffic::Protocol {
 public:
  Http2Protocol()
      : Protocol({.name = "http2",
                  .methods = http::step_methods(),
                  .actions = {fault::ProtocolAction::respond, fault::ProtocolAction::error,
                              fault::ProtocolAction::delay, fault::ProtocolAction::drop},
                  .matchers = {"method", "path", "metadata"},
                  .answers = {"status", "body", "message", "headers"},
                  .alpn = {"h2"},
                  .drops_with_code = true}) {}

  Result<void> check(const fault::ProtocolRule& rule) const override {
    MISHAP_TRY(http::check_rule(rule));
    if (rule.action != fault::ProtocolAction::drop || rule.code.empty()) return {};
    MISHAP_ASSIGN([[maybe_unused]] auto drop, h2core::parse_drop(rule.code));
    return {};
  }

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<h2core::H2Filter>(dialect());
  }

  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    MISHAP_ASSIGN(http::Request request, http::request_of(call));
    const net::Deadline deadline = std::min(call.deadline, net::Clock::now() + http::kStepLimit);
    auto response =
        http::follow_redirects(call.endpoint, std::move(request),
                               [&](const net::Endpoint& endpoint, const http::Request& asked) {
                                 return fetch(endpoint, asked, deadline, call.cancel);
                               });
    traffic::StepResult result;
    if (response) {
      result = http::result_of(std::move(*response));
      result.fields.set("proto", "HTTP/2.0");
    } else {
      result.error = response.error().message;
    }
    return result;
  }

  Result<void> ready(const net::Endpoint& endpoint, const std::map<std::string, std::string>&,
                     net::Deadline deadline) const override {
    const http::Request request{"GET", "/", {}, {}};
    MISHAP_ASSIGN(http::Response response, fetch(endpoint, request, deadline, nullptr));
    if (response.status >= 200 && response.status < 500) return {};
    return fail(fmt::format("GET {}://{}/: status {}", endpoint.tls ? "https" : "http",
                            endpoint.text(), response.status));
  }
};

}  // namespace

http::Exchange exchange_until(net::Deadline deadline) {
  return [deadline](const net::Endpoint& endpoint, const http::Request& request) {
    return fetch(endpoint, request, deadline, nullptr);
  };
}

const traffic::Protocol& http2_protocol() {
  static const Http2Protocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::http2
