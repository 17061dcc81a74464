// From the calls that a test's code reaches to what must be seen for them.
#pragma once

#include "filter_scan.h"
#include "function_index.h"
#include "values.h"

namespace mishap::spec {

/// What a test's code can get at.
struct Reached {
  std::set<const FunctionText*> texts;
  std::vector<const AssumptionValue*> assumptions;
  bool hands_on = false;  ///< a fault builtin travels as a value
  bool hands_on_partition = false;
};

/// What the calls in `reached` may fault, trace, separate or slow down.
ScanResult collect(const World& world, const FunctionIndex& index, const Reached& reached);

}  // namespace mishap::spec
