#include "mishap/fault/trigger.h"

#include <fmt/format.h>

namespace mishap::fault {

std::string Trigger::text() const {
  std::string text;
  auto add = [&](std::string_view name, const std::optional<uint64_t>& value) {
    if (value) text += fmt::format(" {}={}", name, *value);
  };
  add("nth", nth);
  add("after", after);
  add("every", every);
  add("times", times);
  if (probability < 1.0) text += fmt::format(" probability={:.6g}%", probability * 100);
  return text;
}

bool TriggerState::match() {
  ++matched_;
  // Drawn for every match, so that nth= and its like do not shift the draws of later matches.
  bool drawn = random_.chance(trigger_.probability);
  bool counted = (!trigger_.nth || matched_ == *trigger_.nth) &&
                 (!trigger_.after || matched_ > *trigger_.after) &&
                 (!trigger_.every || (*trigger_.every > 0 && matched_ % *trigger_.every == 0)) &&
                 (!trigger_.times || fired_ < *trigger_.times);
  if (!drawn || !counted) return false;
  ++fired_;
  return true;
}

}  // namespace mishap::fault
