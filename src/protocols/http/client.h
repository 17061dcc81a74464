// One HTTP request over a connection of its own, redirects followed.
#pragma once

#include <string>

#include "mishap/base/result.h"
#include "mishap/net/stream.h"

#include "codec.h"

namespace mishap::protocols::http {

/// Sends `request` to `endpoint` and reads the whole response. Redirects are followed as browsers
/// do (303, and 301 or 302 after POST, become GET); a relative one, or one to the request's own
/// Host, stays at `endpoint`; one to https speaks TLS as `endpoint` does. Errors: transport errors;
/// "stopped after 10 redirects"; "malformed response"; "connection closed before the response".
Result<Response> fetch(net::Endpoint endpoint, Request request, net::Deadline deadline,
                       const net::Cancel* cancel);

/// What a URL says: "http://host:port/path?query", "https://…". Errors name the URL.
struct Url {
  net::Endpoint endpoint;  ///< without how TLS is spoken there
  std::string target;
  bool secure = false;  ///< it is
};
Result<Url> parse_url(const std::string& url);

}  // namespace mishap::protocols::http
