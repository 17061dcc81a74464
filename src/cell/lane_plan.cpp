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

LanePlan lane_of(const std::vector<CellPlan>& tests) {
  MISHAP_CHECK(!tests.empty());
  LanePlan lane;
  lane.services = tests.front().services;
  for (const CellPlan& test : tests) {
    for (const auto& [service, syscalls] : test.notified) {
      lane.notified[service].insert(syscalls.begin(), syscalls.end());
    }
    lane.relayed.insert(test.relayed.begin(), test.relayed.end());
  }
  return lane;
}

bool belongs_to(const CellPlan& test, const event::Draft& draft) {
  if (draft.type == "syscall") return is_seen(test, draft);
  bool of_relay = draft.type == "proxy" || draft.type.starts_with("proxy_");
  if (!of_relay) return true;
  return test.relayed.contains({draft.service, std::string(draft.fields.get("interface"))});
}

}  // namespace mishap::cell
