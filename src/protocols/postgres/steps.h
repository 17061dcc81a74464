// The steps `query` and `exec`, and readiness.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::postgres {

std::vector<traffic::StepMethod> step_methods();
Result<traffic::StepResult> run_step(const traffic::StepCall& call);

/// A login and SELECT 1. Without a password in `service_env` a refused login is an answer, too: the
/// server speaks its protocol.
Result<void> check_ready(const net::Endpoint& endpoint,
                         const std::map<std::string, std::string>& service_env,
                         net::Deadline deadline);

}  // namespace mishap::protocols::postgres
