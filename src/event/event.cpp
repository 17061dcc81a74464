#include "mishap/event/event.h"

#include <algorithm>
#include <array>

namespace mishap::event {
namespace {

bool before(const VectorClock::Item& item, std::string_view service) {
  return item.first < service;
}

}  // namespace

VectorClock::VectorClock(std::initializer_list<Item> items) {
  for (const auto& [service, count] : items) (*this)[service] = count;
}

uint64_t& VectorClock::operator[](std::string_view service) {
  auto at = std::lower_bound(items_.begin(), items_.end(), service, before);
  if (at == items_.end() || at->first != service) at = items_.emplace(at, service, 0);
  return at->second;
}

uint64_t VectorClock::known(std::string_view service) const {
  auto at = std::lower_bound(items_.begin(), items_.end(), service, before);
  return at == items_.end() || at->first != service ? 0 : at->second;
}

void VectorClock::merge(const VectorClock& other) {
  for (const auto& [service, count] : other) {
    uint64_t& ours = (*this)[service];
    ours = std::max(ours, count);
  }
}

void Fields::set(std::string_view name, std::string value) {
  for (Item& item : items_) {
    if (item.first == name) {
      item.second = std::move(value);
      return;
    }
  }
  items_.emplace_back(std::string(name), std::move(value));
}

const std::string* Fields::find(std::string_view name) const {
  auto found = std::find_if(items_.begin(), items_.end(),
                            [&](const Item& item) { return item.first == name; });
  return found == items_.end() ? nullptr : &found->second;
}

std::string_view Fields::get(std::string_view name) const {
  const std::string* value = find(name);
  return value == nullptr ? std::string_view() : *value;
}

std::string dotted_type(std::string_view type, const Fields& fields) {
  constexpr std::array<std::string_view, 5> kTargeted = {"step_send", "step_recv", "client_call",
                                                         "client_return", "contract_violation"};
  if (type == "service_started") return "lifecycle.started";
  if (type == "service_ready") return "lifecycle.ready";
  std::string_view refinement = fields.get("syscall");
  if (std::find(kTargeted.begin(), kTargeted.end(), type) != kTargeted.end())
    refinement = fields.get("target");
  // Decoded output may have a field of any name; only what Mishap itself says of a call refines the
  // type.
  if (type == "stdout" || type == "stderr") refinement = {};
  std::string dotted(type);
  if (!refinement.empty()) dotted.append(".").append(refinement);
  return dotted;
}

bool happens_before(const Event& a, const Event& b) {
  bool less = false;
  for (const auto& [service, count] : a.clock) {
    uint64_t known = b.clock.known(service);
    if (count > known) return false;
    less = less || count < known;
  }
  // All of a's components fit; b is later also when it knows somebody whom a does not.
  return less || std::any_of(b.clock.begin(), b.clock.end(), [&](const auto& entry) {
           return entry.second > 0 && a.clock.known(entry.first) == 0;
         });
}

}  // namespace mishap::event
