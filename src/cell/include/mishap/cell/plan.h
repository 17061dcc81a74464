// What one cell is to do: plain values that the spec's declarations were turned into.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/base/source_pos.h"
#include "mishap/engine/service.h"
#include "mishap/event/event.h"
#include "mishap/fault/rule.h"

namespace mishap::cell {

/// The rules that are applied and removed together: one `fault(...)` call, one `trace(...)`, or one
/// assumption of a cell.
struct WindowPlan {
  std::string assumption;  ///< "" when a body opened it
  std::vector<fault::SyscallRule> syscall_rules;
  std::vector<fault::ProtocolRule> protocol_rules;
  std::vector<fault::PartitionRule> partitions;
  std::vector<fault::LinkRule> links;
  std::optional<fault::BandwidthLimit> bandwidth;  ///< stays on to the end of the test
  bool trace_only = false;
  bool until_stopped = false;  ///< opened by a *_start: found open at the end, it was forgotten
  SourcePos pos;
};

struct CellPlan {
  std::string name;  ///< "test_matrix_create_user_db_down"
  std::string kind;  ///< test, scenario, fault_scenario, matrix
  std::string scenario, fault;
  SourcePos pos;
  std::vector<engine::Service> services;  ///< in order of declaration
  /// Service -> syscalls that its filter must notify; a service without an entry runs unfiltered.
  std::map<std::string, std::set<std::string>> notified;
  /// (service, interface) pairs whose traffic must go through a relay.
  std::set<std::pair<std::string, std::string>> relayed;
  /// Services that a partition may cut off: where an address is theirs alone, connections to ports
  /// that they do not declare go through a relay, too.
  std::set<std::string> partitioned;
  /// Opened before the scenario and kept open through the expectation, in this order, all or
  /// nothing.
  std::vector<WindowPlan> windows;
  std::string expectation;  ///< name for reports, "" when there is none
  /// Budget of the body. Plain `def test_*` have none of their own; the ceiling of start-up and
  /// body is `ceiling`.
  std::optional<Nanoseconds> timeout;
  Nanoseconds ceiling = std::chrono::minutes(3);
  Nanoseconds drain = std::chrono::seconds(3);
  bool require_faults_fire = false;
  uint64_t seed = 0;
  int run = 0;
};

/// What a cell has to provide for all tests that it may run, one after the other. With a service
/// that is reused the cell is a *lane*; without one it runs a single test. See
/// docs/design/lanes.md.
struct LanePlan {
  std::vector<engine::Service> services;  ///< in order of declaration
  /// As of CellPlan, for reused services: a filter and a relay are there from the start or never.
  std::map<std::string, std::set<std::string>> notified;
  std::set<std::pair<std::string, std::string>> relayed;
  std::set<std::string> partitioned;

  bool reuses() const;  ///< some service lives on from test to test
};

/// The interfaces of both sides, as (service, interface): connections between the two go to one of
/// them, and must go through its relay to be cut.
std::set<std::pair<std::string, std::string>> interfaces_between(
    const std::vector<engine::Service>& services, const fault::PartitionRule& partition);

/// Lets all of them go through relays, and notes the two sides.
void make_separable(CellPlan& plan, const fault::PartitionRule& partition);

/// Covers all of `tests`, which are of one spec; at least one.
LanePlan lane_of(const std::vector<CellPlan>& tests);

/// Whether an event would also be there if the test ran alone: a lane may notify more syscalls and
/// relay more interfaces than one of its tests asked for.
bool belongs_to(const CellPlan& test, const event::Draft& draft);

}  // namespace mishap::cell
