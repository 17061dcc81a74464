#include "mishap/protocols/http/http.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/net/tls.h"

#include "client.h"
#include "filter.h"

namespace mishap::protocols::http {
namespace {

// A client waits on after a status of 1xx.
constexpr int kLeastStatus = 200;
constexpr int kMostStatus = 599;
constexpr auto kStepLimit = std::chrono::seconds(30);
constexpr size_t kShownBodyBytes = 64 * 1024;

/// Blanks and control characters would end the request line; everything else goes out as it was
/// written.
std::string request_target(std::string_view path) {
  std::string out = path.starts_with('/') ? "" : "/";
  for (char c : path) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

Result<Request> build_request(const traffic::StepCall& call) {
  Request request;
  request.method = to_upper(call.method);
  const Json& arguments = call.arguments;
  std::string path = "/";
  if (auto found = arguments.find("path"); found != arguments.end() && !found->is_null()) {
    if (!found->is_string()) return fail(fmt::format("{}(): path must be a string", call.method));
    path = found->get<std::string>();
  }
  request.target = request_target(path);
  if (auto found = arguments.find("headers"); found != arguments.end() && !found->is_null()) {
    if (!found->is_object()) return fail(fmt::format("{}(): headers must be a dict", call.method));
    for (const auto& [name, value] : found->items()) {
      std::string text = scalar_text(value);
      if (std::string problem = name_problem(name); !problem.empty())
        return fail(fmt::format("{}(): {}", call.method, problem));
      if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
        return fail(fmt::format("{}(): header \"{}\" must be one line", call.method, name));
      }
      request.headers.emplace_back(name, std::move(text));
    }
  }
  if (auto found = arguments.find("body"); found != arguments.end() && !found->is_null()) {
    request.body = found->is_string() ? found->get<std::string>() : to_text(*found);
    if (found->is_structured() && find_header(request.headers, "content-type") == nullptr) {
      request.headers.emplace_back("Content-Type", "application/json");
    }
  }
  return request;
}

traffic::StepResult step_result(Response response) {
  traffic::StepResult result;
  result.ok = true;
  result.status = response.status;
  std::string_view text = trim(response.body);
  if (auto json = parse_json(text)) {
    result.data = std::move(*json);
  } else {
    result.data = std::string(text.substr(0, kShownBodyBytes));
  }
  result.body = trim(text.substr(0, kShownBodyBytes));
  if (const std::string* type = find_header(response.headers, "content-type")) {
    result.fields.set("content_type", *type);
  }
  result.headers = std::move(response.headers);
  return result;
}

/// What could never match, and what no client could read.
Result<void> check_rule(const fault::ProtocolRule& rule) {
  constexpr std::string_view kFirstOfPaths = "/*?[";
  auto path = rule.matchers.find("path");
  if (path != rule.matchers.end() && !path->second.empty() &&
      kFirstOfPaths.find(path->second.front()) == std::string_view::npos) {
    return fail(fmt::format("path=\"{0}\" never matches: paths begin with a slash: \"/{0}\"",
                            path->second));
  }
  if (rule.status && (*rule.status < kLeastStatus || *rule.status > kMostStatus)) {
    return fail(fmt::format("status={} is no status of an answer: they go from {} to {}",
                            *rule.status, kLeastStatus, kMostStatus));
  }
  for (const auto& [name, value] : rule.headers) {
    if (std::string problem = name_problem(name); !problem.empty()) return fail(problem);
  }
  return {};
}

Result<std::shared_ptr<const net::TlsClient>> default_tls(const std::string& host) {
  MISHAP_ASSIGN(auto context, net::TlsContext::client({}, std::nullopt));
  return std::make_shared<const net::TlsClient>(net::TlsClient{std::move(context), host});
}

std::vector<traffic::StepMethod> step_methods() {
  std::vector<traffic::StepMethod> methods;
  for (const char* method : {"get", "post", "put", "delete", "patch"}) {
    methods.push_back({method, {{.name = "path", .primary = true}, {"body"}, {"headers"}}});
  }
  return methods;
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
    MISHAP_ASSIGN(Request request, build_request(call));
    net::Deadline deadline = std::min(call.deadline, net::Clock::now() + kStepLimit);
    auto response = fetch(call.endpoint, std::move(request), deadline, call.cancel);
    if (response) return step_result(std::move(*response));
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
                      net::Deadline deadline) {
  MISHAP_ASSIGN(Url parsed, parse_url(url));
  if (parsed.secure) {
    parsed.endpoint.tls = tls;
    if (tls == nullptr) {
      MISHAP_ASSIGN(parsed.endpoint.tls, default_tls(parsed.endpoint.host));
    }
  }
  Request request{"GET", request_target(parsed.target), {}, {}};
  auto response = fetch(parsed.endpoint, std::move(request), deadline, nullptr);
  if (!response) return fail(std::move(response).error().context("GET " + url));
  return Page{response->status, std::move(response->body)};
}

Result<void> http_check(const std::string& url, const std::shared_ptr<const net::TlsClient>& tls,
                        net::Deadline deadline) {
  MISHAP_ASSIGN(Page page, get_page(url, tls, deadline));
  if (page.status >= 200 && page.status < 400) return {};
  return fail(fmt::format("GET {}: status {}", url, page.status));
}

const traffic::Protocol& http_protocol() {
  static const HttpProtocol kProtocol;
  return kProtocol;
}

}  // namespace mishap::protocols::http
