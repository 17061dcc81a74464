// Steps: the test driver's own calls on the services, and the events they leave.
#pragma once

#include <string>

#include "mishap/cell/session.h"
#include "mishap/event/log.h"
#include "mishap/traffic/protocol.h"

namespace mishap::cell {

/// Runs `call` on `protocol` and emits step_send before and step_recv after, both of the driver
/// "test". `spec`: name of the running test, or "". Error: the spec's own mistake.
Result<TimedStep> run_step(const traffic::Protocol& protocol, const traffic::StepCall& call,
                           const std::string& service, const std::string& interface,
                           const std::string& spec, event::Log& log);

/// `→ db.exec insert into t …`, `← api.post /users  [503]  ERR: …`.
std::string send_summary(const std::string& service, const traffic::StepCall& call);
std::string receive_summary(const std::string& service, const traffic::StepCall& call,
                            const traffic::StepResult& result);

}  // namespace mishap::cell
