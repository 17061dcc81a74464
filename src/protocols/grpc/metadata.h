// Names of gRPC's metadata, which are header fields of HTTP/2.
#pragma once

#include <string>
#include <string_view>

#include "mishap/base/result.h"

namespace mishap::protocols::grpc {

/// As it is sent, in lower case. Errors: `metadata "grpc-timeout" is reserved for the protocol`,
/// and of what HTTP/2 does not let a field be called; servers end the stream of such a one.
Result<std::string> metadata_name(std::string_view name);

}  // namespace mishap::protocols::grpc
