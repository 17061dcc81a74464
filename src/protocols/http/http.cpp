#include "mishap/protocols/http/http.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/net/tls.h"

#include "client.h"
#include "filter.h"

namespace mishap::protocols::http {
namespace {

Result<std::shared_ptr<const net::TlsClient>> default_tls(const std::string& host) {
  MISHAP_ASSIGN(auto context, net::TlsContext::client({}, std::nullopt));
  return std::make_shared<const net::TlsClient>(net::TlsClient{std::move(context), host});
}

class HttpProtocol final : public traffic::Protocol {
 public:
  HttpProtocol()
      : Protocol({"http",
                  step_methods(),
                  {fault::ProtocolAction::respond, fault::ProtocolAction::error,
                   fault::ProtocolAction::delay, fault::ProtocolAction::drop},
                  {"method", "path"},
                  {"status", "body", "message", "headers"},
                  {},
                  {"http/1.1", "http/1.0"}}) {}

  std::unique_ptr<traffic::Filter> make_filter() const override {
    return std::make_unique<HttpFilter>();
  }

  Result<void> check(const fault::ProtocolRule& rule) const override { return check_rule(rule); }

  Result<traffic::StepResult> step(const traffic::StepCall& call) const override {
    MISHAP_ASSIGN(Request request, request_of(call));
    net::Deadline deadline = std::min(call.deadline, net::Clock::now() + kStepLimit);
    auto response = fetch(call.endpoint, std::move(request), deadline, call.cancel);
    if (response) return result_of(std::move(*response));
    traffic::StepResult failed;
    failed.error = response.error().message;
    return failed;
  }

  Result<void> ready(const net::Endpoint& endpoint, const std::map<std::string, std::string>&,
                     net::Deadline deadline) const override {
    return http_check(fmt::format("{}://{}/", endpoint.tls ? "https" : "http", endpoint.text()),
                      endpoint.tls, deadline);
  }
};

}  // namespace

Result<Page> get_page(const std::string& url, const std::shared_ptr<const net::TlsClient>& tls,
                      net::Deadline deadline, const Exchange& once) {
  MISHAP_ASSIGN(Url parsed, parse_url(url));
  if (parsed.secure) {
    parsed.endpoint.tls = tls;
    if (tls == nullptr) {
      MISHAP_ASSIGN(parsed.endpoint.tls, default_tls(parsed.endpoint.host));
    }
  }
  Request request{"GET", request_target(parsed.target), {}, {}};
  auto response = once ? follow_redirects(parsed.endpoint, std::move(request), once)
                       : fetch(parsed.endpoint, std::move(request), deadline, nullptr);
  if (!response) return fail(std::move(response).error().context("GET " + url));
  return Page{response->status, std::move(response->body)};
}

Result<void> http_check(const std::string& url, const std::shared_ptr<const net::TlsClient>& tls,
                        net::Deadline deadline, const Exchange& once) {
  MISHAP_ASSIGN(Page page, get_page(url, tls, deadline, once));
  if (page.status >= 200 && page.status < 400) return {};
  return fail(fmt::format("GET {}: status {}", url, page.status));
}

const traffic::Protocol& http_protocol() {
  static const HttpProtocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::http
