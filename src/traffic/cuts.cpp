#include "cuts.h"

#include <algorithm>
#include <utility>

namespace mishap::traffic {

bool Cuts::has_way(const Cut& cut, std::string_view from, std::string_view to) {
  return std::any_of(cut.ways.begin(), cut.ways.end(),
                     [&](const Way& way) { return way.from == from && way.to == to; });
}

CutId Cuts::add(std::vector<Way> ways) {
  cuts_[next_].ways = std::move(ways);
  return next_++;
}

bool Cuts::remove(CutId cut) {
  auto found = cuts_.find(cut);
  return found != cuts_.end() && std::exchange(found->second.open, false);
}

bool Cuts::lost(std::string_view from, std::string_view to) const {
  return std::any_of(cuts_.begin(), cuts_.end(), [&](const auto& entry) {
    return entry.second.open && has_way(entry.second, from, to);
  });
}

void Cuts::count(std::string_view from, std::string_view to) {
  for (auto& [id, cut] : cuts_) {
    if (cut.open && has_way(cut, from, to)) ++cut.effects;
  }
}

uint64_t Cuts::effects(CutId cut) const {
  auto found = cuts_.find(cut);
  return found == cuts_.end() ? 0 : found->second.effects;
}

}  // namespace mishap::traffic
