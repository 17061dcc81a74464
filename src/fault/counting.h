// What both deciders do with the counters of their rules.
#pragma once

#include <vector>

#include "mishap/fault/rule.h"

namespace mishap::fault {

/// Adds `one` to the entry of the same declared rule (same text, place, assumption and target), or
/// appends it.
void merge_counters(std::vector<Counters>& all, Counters one);

}  // namespace mishap::fault
