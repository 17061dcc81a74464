// The steps `publish` and `consume`, and readiness.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::kafka {

std::vector<traffic::StepMethod> step_methods();
Result<traffic::StepResult> run_step(const traffic::StepCall& call);

/// A consumer group of this test's own: "mishap-<random, one a process>-<test>". Characters that a
/// group's name cannot have become "-".
std::string automatic_group(const std::string& test);

/// Metadata is served, and says that there is a controller and a leader for every partition.
Result<void> check_ready(const net::Endpoint& endpoint, net::Deadline deadline);

}  // namespace mishap::protocols::kafka
