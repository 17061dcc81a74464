// When a rule that matches also fires.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mishap/base/random.h"

namespace mishap::fault {

/// Counting is over the rule's own matches, 1-based. All given conditions must hold. Same meaning
/// at every layer.
struct Trigger {
  double probability = 1.0;       ///< 0 never fires
  std::optional<uint64_t> nth;    ///< only the n-th match
  std::optional<uint64_t> after;  ///< from match n+1 on
  std::optional<uint64_t> every;  ///< each n-th match
  std::optional<uint64_t> times;  ///< at most this many firings
  bool operator==(const Trigger&) const = default;
  std::string text() const;  ///< "" or " nth=2 probability=50%"
};

/// The running state of one rule's trigger. Not thread-safe; its owner locks.
class TriggerState {
 public:
  TriggerState(Trigger trigger, Random random) : trigger_(trigger), random_(random) {}
  /// Counts a match and says whether it fires.
  bool match();
  uint64_t matched() const { return matched_; }
  uint64_t fired() const { return fired_; }

 private:
  Trigger trigger_;
  Random random_;
  uint64_t matched_ = 0;
  uint64_t fired_ = 0;
};

}  // namespace mishap::fault
