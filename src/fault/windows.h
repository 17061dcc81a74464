// What both deciders do with their windows of rules and with the counters of those.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "mishap/base/random.h"
#include "mishap/fault/decider.h"

namespace mishap::fault {

/// Opens a window. An ActiveRule is made of a rule and the randomness of its trigger, and
/// `stream_name(rule)` names that randomness: by what the rule says and by how many rules said the
/// same before it, so that another rule never shifts this one's draws.
template <class ActiveRule, class Rule>
WindowId open_window(RuleWindows<ActiveRule>& windows, std::vector<Rule> rules, uint64_t seed) {
  RuleWindow<ActiveRule> window{windows.next_id++, {}};
  for (Rule& rule : rules) {
    std::string name = ActiveRule::stream_name(rule);
    auto ordinal = std::count_if(windows.all.begin(), windows.all.end(), [&](const auto& other) {
      return ActiveRule::stream_name(other->rule) == name;
    });
    Random random = Random::stream(seed, fmt::format("{} #{}", name, ordinal));
    window.rules.push_back(std::make_shared<ActiveRule>(std::move(rule), random));
    windows.all.push_back(window.rules.back());
  }
  windows.open.push_back(std::move(window));
  return windows.open.back().id;
}

/// Removes a window and returns what its rules counted, in order. Empty for an unknown one.
template <class ActiveRule>
std::vector<Counters> close_window(RuleWindows<ActiveRule>& windows, WindowId id) {
  std::vector<Counters> counted;
  auto found = std::find_if(windows.open.begin(), windows.open.end(),
                            [&](const auto& window) { return window.id == id; });
  if (found == windows.open.end()) return counted;
  for (const auto& rule : found->rules) counted.push_back(rule->counters());
  windows.open.erase(found);
  return counted;
}

/// Adds `one` to the entry of the same declared rule (same text, place, assumption and target), or
/// appends it.
void merge_counters(std::vector<Counters>& all, Counters one);

}  // namespace mishap::fault
