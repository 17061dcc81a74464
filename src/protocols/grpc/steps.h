// The step `call`.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::grpc {

std::vector<traffic::StepMethod> step_methods();
Result<traffic::StepResult> run_step(const traffic::StepCall& call);

/// Whether the service works: by grpc.health.v1 where it is served, else by whether it speaks
/// HTTP/2.
Result<void> check_ready(const net::Endpoint& endpoint, net::Deadline deadline);

}  // namespace mishap::protocols::grpc
