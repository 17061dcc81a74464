#include <algorithm>

#include <fmt/format.h>

#include "mishap/fault/decider.h"

#include "counting.h"

namespace mishap::fault {

/// Owned by its window and, for the verdict, by the list of all.
struct ProtocolDecider::ActiveRule {
  ProtocolRule rule;
  TriggerState trigger;
  uint64_t seen = 0;

  bool concerns(const Edge& edge) const {
    return rule.service == edge.service && rule.interface == edge.interface &&
           (rule.source.empty() || rule.source == edge.consumer);
  }

  Counters counters() const {
    Counters counted;
    counted.declared = rule.declared;
    counted.service = rule.service;
    counted.interface = rule.interface;
    counted.action = to_string(rule.action);
    if (rule.action == ProtocolAction::delay) counted.detail = format_duration(rule.delay);
    counted.seen = seen;
    counted.matched = trigger.matched();
    counted.applied = trigger.fired();
    return counted;
  }
};

WindowId ProtocolDecider::open(std::vector<ProtocolRule> rules) {
  std::lock_guard lock(mutex_);
  Window window;
  window.id = next_id_++;
  for (ProtocolRule& rule : rules) {
    auto ordinal = std::count_if(all_.begin(), all_.end(), [&](const auto& other) {
      return other->rule.service == rule.service && other->rule.interface == rule.interface &&
             other->rule.declared.text == rule.declared.text;
    });
    Random random = Random::stream(seed_, fmt::format("protocol {}.{} {} #{}", rule.service,
                                                      rule.interface, rule.declared.text, ordinal));
    TriggerState trigger(rule.trigger, random);
    auto active = std::make_shared<ActiveRule>(ActiveRule{std::move(rule), trigger});
    window.rules.push_back(active);
    all_.push_back(std::move(active));
  }
  windows_.push_back(std::move(window));
  return windows_.back().id;
}

std::vector<Counters> ProtocolDecider::close(WindowId id) {
  std::lock_guard lock(mutex_);
  std::vector<Counters> counted;
  auto found = std::find_if(windows_.begin(), windows_.end(),
                            [&](const Window& window) { return window.id == id; });
  if (found == windows_.end()) return counted;
  for (const auto& rule : found->rules) counted.push_back(rule->counters());
  windows_.erase(found);
  return counted;
}

std::vector<Counters> ProtocolDecider::counters() const {
  std::lock_guard lock(mutex_);
  std::vector<Counters> all;
  for (const auto& rule : all_) merge_counters(all, rule->counters());
  return all;
}

bool ProtocolDecider::concerns(const Edge& edge) const {
  std::lock_guard lock(mutex_);
  return std::any_of(windows_.begin(), windows_.end(), [&](const Window& window) {
    return std::any_of(window.rules.begin(), window.rules.end(),
                       [&](const auto& rule) { return rule->concerns(edge); });
  });
}

ProtocolDecision ProtocolDecider::decide(const Edge& edge,
                                         const std::function<bool(const ProtocolRule&)>& matches) {
  std::lock_guard lock(mutex_);
  ProtocolDecision decision;
  for (auto window = windows_.rbegin(); window != windows_.rend(); ++window) {
    for (const auto& active : window->rules) {
      if (!active->concerns(edge)) continue;
      ++active->seen;
      if (!matches(active->rule) || !active->trigger.match()) continue;
      switch (active->rule.action) {
        case ProtocolAction::delay:
          decision.delay += active->rule.delay;
          break;
        case ProtocolAction::duplicate:
          decision.duplicate = true;
          break;
        case ProtocolAction::respond:
        case ProtocolAction::error:
        case ProtocolAction::drop:
          decision.terminal = active->rule;
          return decision;
      }
    }
  }
  return decision;
}

}  // namespace mishap::fault
