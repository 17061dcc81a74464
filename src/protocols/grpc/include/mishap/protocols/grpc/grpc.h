// gRPC without TLS: the step call, faults error delay drop, matched by method
// (`/pkg.Service/Method`) and metadata.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::grpc {

const traffic::Protocol& grpc_protocol();

}  // namespace mishap::protocols::grpc
