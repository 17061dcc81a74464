// One HTTP request over a connection of its own, redirects followed.
#pragma once

#include <string>

#include "mishap/base/result.h"
#include "mishap/net/stream.h"

#include "codec.h"

namespace mishap::protocols::http {

/// Sends `request` to `endpoint` and reads the whole response, redirects followed. Errors:
/// transport errors; "stopped after 10 redirects"; "malformed response"; "connection closed before
/// the response".
Result<Response> fetch(net::Endpoint endpoint, Request request, net::Deadline deadline,
                       const net::Cancel* cancel);

/// What a URL says: "http://host:port/path?query". Errors name the URL.
struct Url {
  net::Endpoint endpoint;
  std::string target;
};
Result<Url> parse_url(const std::string& url);

}  // namespace mishap::protocols::http
