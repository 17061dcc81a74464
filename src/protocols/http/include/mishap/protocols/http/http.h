// HTTP/1.0 and 1.1: steps get post put delete patch, faults error response delay drop, matched by
// method and path.
#pragma once

#include <memory>
#include <string>

#include "mishap/protocols/http/semantics.h"
#include "mishap/traffic/protocol.h"

namespace mishap::protocols::http {

const traffic::Protocol& http_protocol();

/// One attempt of the healthcheck `http(url)`: GET, redirects followed, ready when the final status
/// is 200 to 399. `url` is "http://HOST:PORT/PATH" or "https://…"; the scheme (http), the port (80,
/// 443) and the path may be missing. `tls`: how TLS is spoken there; null: to whom this machine
/// trusts. `once`: how a request is exchanged; empty: by HTTP/1.1. Errors: `GET
/// http://localhost:8080/health: status 503`, a transport error, or a url that is none.
Result<void> http_check(const std::string& url, const std::shared_ptr<const net::TlsClient>& tls,
                        net::Deadline deadline, const Exchange& once = {});

/// One GET of such a url, redirects followed. Errors: `GET http://…: connection refused`.
struct Page {
  int status = 0;
  std::string body;
};
Result<Page> get_page(const std::string& url, const std::shared_ptr<const net::TlsClient>& tls,
                      net::Deadline deadline, const Exchange& once = {});

}  // namespace mishap::protocols::http
