// gRPC's status codes, and the text of their messages on the wire.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mishap/base/result.h"

namespace mishap::protocols::grpc {

constexpr int kOk = 0, kUnknown = 2, kDeadlineExceeded = 4, kUnimplemented = 12, kInternal = 13,
              kUnavailable = 14;
constexpr int kLastCode = 16;

/// As events show it: "Unavailable"; the number in decimal for one that nobody knows.
std::string code_name(int code);
/// "UNAVAILABLE", "Unavailable" or "14". Error: none of them, for the spec's author.
Result<int> parse_code(std::string_view text);

/// What `grpc-message` carries (gRPC over HTTP/2, "Status-Message"): UTF-8, with what is not
/// printable ASCII, and '%', as %XX.
std::string percent_encoded(std::string_view message);
std::string percent_decoded(std::string_view text);

/// What a client makes of a stream that was reset (gRPC over HTTP/2, "Errors").
int code_of_reset(uint32_t http2_code);
/// And of an answer that is none of gRPC.
int code_of_http_status(int status);

}  // namespace mishap::protocols::grpc
