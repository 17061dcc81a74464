// What HTTP means in whatever version it is spoken (RFC 9110): requests and answers of steps, and
// what rules match and make up. HTTP/2 uses it, too.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/fault/rule.h"
#include "mishap/net/stream.h"
#include "mishap/traffic/protocol.h"

namespace mishap::protocols::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Value of the first header of that name (any case), or null.
const std::string* find_header(const Headers& headers, std::string_view name);

/// "/a%20b?x=1" → "/a b"; "http://host/p" → "/p". Bad escapes stay as they are.
std::string path_of_target(std::string_view target);

// --- rules
// -----------------------------------------------------------------------------------------------------------------

/// Whether a rule's matchers (method, path) fit a request.
bool rule_matches(const fault::ProtocolRule& rule, std::string_view method, std::string_view path);
/// What could never match, and what no client could read. Error: for the spec's author.
Result<void> check_rule(const fault::ProtocolRule& rule);
/// Of the response that a rule makes up.
int made_up_status(const fault::ProtocolRule& rule);
std::string made_up_body(const fault::ProtocolRule& rule);
/// The rule's headers as they may go out: without those that frame the body, and with a content
/// type.
Headers made_up_headers(const fault::ProtocolRule& rule);
/// Whether a response of this status has no body.
bool is_bodiless(int status);

// --- steps
// -----------------------------------------------------------------------------------------------------------------

struct Request {
  std::string method;
  std::string target;  ///< begins with '/'
  Headers headers;
  std::string body;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;  ///< at most kBodyLimitBytes
};

constexpr size_t kBodyLimitBytes = 16 * 1024 * 1024;
/// A step that says nothing else takes no longer.
constexpr auto kStepLimit = std::chrono::seconds(30);

/// One request and its answer, over whatever version of HTTP.
using Exchange = std::function<Result<Response>(const net::Endpoint&, const Request&)>;
constexpr int kRedirectLimit = 10;
/// Exchanges until the answer is no redirect. They are followed as browsers do (303, and 301 or 302
/// after POST, become GET); a relative one, or one to the request's own Host, stays at `endpoint`.
Result<Response> follow_redirects(net::Endpoint endpoint, Request request, const Exchange& once);

/// get post put delete patch.
std::vector<traffic::StepMethod> step_methods();
/// What a step asks for. Errors: a bad argument, for the spec's author.
Result<Request> request_of(const traffic::StepCall& call);
/// What a step gives. Its body is cut to what specs look at.
traffic::StepResult result_of(Response response);
/// Blanks and control characters would end the request line; everything else goes out as it was
/// written.
std::string request_target(std::string_view path);

}  // namespace mishap::protocols::http
