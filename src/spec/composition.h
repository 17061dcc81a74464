// What becomes of rules when assumptions are made of assumptions.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "mishap/fault/rule.h"

namespace mishap::spec {

inline std::string place_of(const fault::SyscallRule& rule) { return rule.service; }
inline std::string place_of(const fault::ProtocolRule& rule) {
  return rule.service + "." + rule.interface + " " + rule.source;
}
inline std::string place_of(const fault::PartitionRule& rule) { return rule.a + " " + rule.b; }

/// The same rule of the same assumption, reached on two ways.
template <class Rule>
bool is_same_rule(const Rule& a, const Rule& b) {
  return a.declared.assumption == b.declared.assumption && a.declared.text == b.declared.text &&
         a.declared.pos.text() == b.declared.pos.text() && place_of(a) == place_of(b);
}

/// Of `more` what `known` has not: a rule that is reached twice is on once, or a delay would last
/// twice as long. Rules within `more` are left as they are.
template <class Rule>
std::vector<Rule> those_new(const std::vector<Rule>& known, const std::vector<Rule>& more) {
  std::vector<Rule> fresh;
  for (const Rule& rule : more) {
    bool reached = std::any_of(known.begin(), known.end(),
                               [&](const Rule& other) { return is_same_rule(other, rule); });
    if (!reached) fresh.push_back(rule);
  }
  return fresh;
}

/// Appends those.
template <class Rule>
void append_new(std::vector<Rule>& known, const std::vector<Rule>& more) {
  auto fresh = those_new(known, more);
  known.insert(known.end(), fresh.begin(), fresh.end());
}

}  // namespace mishap::spec
