#include <algorithm>

#include "mishap/base/check.h"
#include "mishap/cell/plan.h"

namespace mishap::cell {
namespace {

bool is_seen(const CellPlan& test, const event::Draft& draft) {
  std::string_view syscall = draft.fields.get("syscall");
  auto notified = test.notified.find(draft.service);
  bool filtered = notified != test.notified.end();
  if (filtered && notified->second.contains(std::string(syscall))) return true;
  // Connections are notified wherever there are relays, and every filter refuses io_uring.
  if (syscall == "connect") return !test.relayed.empty();
  return syscall == "io_uring_setup" && (filtered || !test.relayed.empty());
}

}  // namespace

bool LanePlan::reuses() const {
  return std::any_of(services.begin(), services.end(),
                     [](const auto& service) { return service.reuse; });
}

std::set<std::pair<std::string, std::string>> interfaces_between(
    const std::vector<engine::Service>& services, const fault::PartitionRule& partition) {
  std::set<std::pair<std::string, std::string>> interfaces;
  for (const auto& service : services) {
    if (service.name != partition.a && service.name != partition.b) continue;
    for (const auto& interface : service.interfaces)
      interfaces.emplace(service.name, interface.name);
  }
  return interfaces;
}

void make_separable(CellPlan& plan, const fault::PartitionRule& partition) {
  plan.relayed.merge(interfaces_between(plan.services, partition));
  plan.partitioned.insert({partition.a, partition.b});
}

LanePlan lane_of(const std::vector<CellPlan>& tests) {
  MISHAP_CHECK(!tests.empty());
  LanePlan lane;
  lane.services = tests.front().services;
  for (const CellPlan& test : tests) {
    for (const auto& [service, syscalls] : test.notified) {
      lane.notified[service].insert(syscalls.begin(), syscalls.end());
    }
    lane.relayed.insert(test.relayed.begin(), test.relayed.end());
    lane.partitioned.insert(test.partitioned.begin(), test.partitioned.end());
  }
  return lane;
}

bool belongs_to(const CellPlan& test, const event::Draft& draft) {
  if (draft.type == "syscall") return is_seen(test, draft);
  bool of_relay = draft.type == "proxy" || draft.type.starts_with("proxy_");
  if (!of_relay) return true;
  std::string interface(draft.fields.get("interface"));
  bool undeclared = interface.starts_with(':');
  return undeclared ? test.partitioned.contains(draft.service)
                    : test.relayed.contains({draft.service, interface});
}

}  // namespace mishap::cell
