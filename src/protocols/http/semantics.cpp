#include "mishap/protocols/http/semantics.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/base/json.h"
#include "mishap/base/text.h"

#include "codec.h"

namespace mishap::protocols::http {

using fault::ProtocolAction;

namespace {

// A client waits on after a status of 1xx.
constexpr int kLeastStatus = 200;
constexpr int kMostStatus = 599;
constexpr size_t kShownBodyBytes = 64 * 1024;

/// A value that came from a spec cannot smuggle in a second header.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

const std::string* find_header(const Headers& headers, std::string_view name) {
  std::string lower = to_lower(name);
  for (const auto& [key, value] : headers) {
    if (to_lower(key) == lower) return &value;
  }
  return nullptr;
}

std::string path_of_target(std::string_view target) {
  if (size_t scheme = target.find("://"); scheme != std::string_view::npos && target[0] != '/') {
    size_t slash = target.find_first_of("/?", scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    if (target.front() == '?') target = "/";
  }
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (size_t i = 0; i < target.size(); ++i) {
    int high = i + 2 < target.size() && target[i] == '%' ? hex_digit(target[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(target[i + 2]) : -1;
    if (low < 0) {
      path += target[i];
    } else {
      path += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return path;
}

bool rule_matches(const fault::ProtocolRule& rule, std::string_view method, std::string_view path) {
  for (const auto& [name, pattern] : rule.matchers) {
    if (name == "method") {
      if (!glob_request(to_upper(pattern), to_upper(method))) return false;
    } else if (name == "path") {
      if (!glob_request(pattern, path)) return false;
    } else if (!pattern.empty() && pattern != "*") {
      return false;
    }
  }
  return true;
}

int made_up_status(const fault::ProtocolRule& rule) { return rule.status.value_or(500); }

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

std::string made_up_body(const fault::ProtocolRule& rule) {
  if (rule.action == ProtocolAction::error && !rule.body && !rule.message.empty())
    return to_text(Json{{"error", rule.message}});
  return rule.body.value_or("");
}

Headers made_up_headers(const fault::ProtocolRule& rule) {
  Headers headers;
  for (const auto& [name, value] : rule.headers) {
    const std::string lower = to_lower(name);
    if (lower == "content-length" || lower == "transfer-encoding") continue;  // framing is ours
    headers.emplace_back(name, one_line(value));
  }
  if (find_header(headers, "content-type") == nullptr)
    headers.emplace_back("Content-Type", "application/json");
  return headers;
}

bool is_bodiless(int status) { return status == 204 || status == 304; }

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

Result<Request> request_of(const traffic::StepCall& call) {
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

traffic::StepResult result_of(Response response) {
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

std::vector<traffic::StepMethod> step_methods() {
  std::vector<traffic::StepMethod> methods;
  for (const char* method : {"get", "post", "put", "delete", "patch"}) {
    methods.push_back({method, {{.name = "path", .primary = true}, {"body"}, {"headers"}}});
  }
  return methods;
}

}  // namespace mishap::protocols::http
