#include <algorithm>

#include <fmt/format.h>

#include "mishap/fault/decider.h"

#include "windows.h"

namespace mishap::fault {

/// Owned by its window and, for the verdict, by the list of all.
struct ProtocolDecider::ActiveRule {
  ProtocolRule rule;
  TriggerState trigger;
  uint64_t seen = 0;
  uint64_t taken = 0;
  std::string taken_by;

  ActiveRule(ProtocolRule declared, Random random)
      : rule(std::move(declared)), trigger(rule.trigger, random) {}

  static std::string stream_name(const ProtocolRule& rule) {
    return fmt::format("protocol {}.{} {}", rule.service, rule.interface, rule.declared.text);
  }

  bool concerns(const Edge& edge) const {
    return rule.service == edge.service && rule.interface == edge.interface &&
           (rule.source.empty() || rule.source == edge.consumer);
  }

  void note_taken(const ProtocolRule& by) {
    ++taken;
    taken_by = by.declared.text;
  }

  Counters counters() const {
    Counters counted;
    counted.declared = rule.declared;
    counted.service = rule.service;
    counted.interface = rule.interface;
    counted.action = to_string(rule.action);
    if (rule.action == ProtocolAction::delay) counted.detail = format_duration(rule.delay);
    counted.seen = seen;
    counted.taken = taken;
    counted.taken_by = taken_by;
    counted.matched = trigger.matched();
    counted.applied = trigger.fired();
    return counted;
  }
};

void ProtocolDecider::restart(uint64_t seed) {
  std::lock_guard lock(mutex_);
  seed_ = seed;
  windows_.open.clear();
  windows_.all.clear();
}

WindowId ProtocolDecider::open(std::vector<ProtocolRule> rules) {
  std::lock_guard lock(mutex_);
  return open_window(windows_, std::move(rules), seed_);
}

std::vector<Counters> ProtocolDecider::close(WindowId id) {
  std::lock_guard lock(mutex_);
  return close_window(windows_, id);
}

std::vector<Counters> ProtocolDecider::counters() const {
  std::lock_guard lock(mutex_);
  std::vector<Counters> all;
  for (const auto& rule : windows_.all) merge_counters(all, rule->counters());
  return all;
}

bool ProtocolDecider::concerns(const Edge& edge) const {
  std::lock_guard lock(mutex_);
  return std::any_of(windows_.open.begin(), windows_.open.end(), [&](const auto& window) {
    return std::any_of(window.rules.begin(), window.rules.end(),
                       [&](const auto& rule) { return rule->concerns(edge); });
  });
}

ProtocolDecision ProtocolDecider::decide(const Edge& edge,
                                         const std::function<bool(const ProtocolRule&)>& matches) {
  std::lock_guard lock(mutex_);
  ProtocolDecision decision;
  for (auto window = windows_.open.rbegin(); window != windows_.open.rend(); ++window) {
    for (const auto& active : window->rules) {
      if (!active->concerns(edge)) continue;
      if (decision.terminal) {
        if (matches(active->rule)) active->note_taken(*decision.terminal);
        continue;
      }
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
          break;
      }
    }
  }
  return decision;
}

}  // namespace mishap::fault
