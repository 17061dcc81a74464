#include "mishap/event/event.h"

#include <algorithm>
#include <array>

namespace mishap::event {

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
    auto other = b.clock.find(service);
    uint64_t known = other == b.clock.end() ? 0 : other->second;
    if (count > known) return false;
    less = less || count < known;
  }
  // All of a's components fit; b is later also when it knows somebody whom a does not.
  if (less) return true;
  return std::any_of(b.clock.begin(), b.clock.end(), [&](const auto& entry) {
    return entry.second > 0 && !a.clock.contains(entry.first);
  });
}

}  // namespace mishap::event
