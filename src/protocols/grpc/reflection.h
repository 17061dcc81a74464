// Asking a server for its types (grpc.reflection.v1 and v1alpha).
#pragma once

#include <memory>
#include <string>

#include "mishap/net/stream.h"

#include "types.h"

namespace mishap::protocols::grpc {

/// The types of a service. `server` is the server itself: what is asked here is no traffic of the
/// test's. An answer is kept for the whole process, a failure is not. Errors: the server has no
/// reflection, it does not know the service, transport errors (with
/// a code).
Result<std::shared_ptr<const Types>> reflected_types(const net::Endpoint& server,
                                                     const std::string& service,
                                                     net::Deadline deadline,
                                                     const net::Cancel* cancel);

}  // namespace mishap::protocols::grpc
