// Faults that could never take effect because a service runs without a filter (`seccomp=False`):
// found before the run where the spec says it plainly, else when the window is opened.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mishap/engine/service.h"
#include "mishap/fault/rule.h"

namespace mishap::cell {

/// Why a fault or trace named `rule` on the system calls of `service` cannot be seen, with the
/// remedy. Nothing: it can.
std::optional<std::string> unseen(const engine::Service& service, const std::string& rule);

/// Why `rule` (its declaration, target and source) would miss requests: those of a consumer
/// without a filter are not redirected to the relay. Consumers are the named `source`, else the
/// services that depend on the target. Nothing: it misses none that is known of.
std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::ProtocolRule& rule);

std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::LinkRule& rule);

/// Why a partition would miss connections: those of a side without a filter are not redirected to
/// the relays that cut them. Nothing: it misses none.
std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::PartitionRule& rule);

}  // namespace mishap::cell
