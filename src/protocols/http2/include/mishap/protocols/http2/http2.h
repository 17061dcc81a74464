// HTTP/2 without TLS, by prior knowledge: steps get post put delete patch, faults error response
// delay drop, matched by method, path and metadata (headers).
#pragma once

#include "mishap/protocols/http/semantics.h"
#include "mishap/traffic/protocol.h"

namespace mishap::protocols::http2 {

const traffic::Protocol& http2_protocol();

/// How http::http_check and http::get_page ask a server that speaks HTTP/2, until `deadline`.
http::Exchange exchange_until(net::Deadline deadline);

}  // namespace mishap::protocols::http2
