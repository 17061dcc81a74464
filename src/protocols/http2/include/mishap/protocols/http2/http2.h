// HTTP/2 without TLS, by prior knowledge: steps get post put delete patch, faults error response
// delay drop, matched by method, path and metadata (headers).
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::http2 {

const traffic::Protocol& http2_protocol();

}  // namespace mishap::protocols::http2
