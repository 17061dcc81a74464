// What the code of a test may fault or trace, found before it runs: seccomp filters are fixed when
// a service starts.
//
// A conservative walk over the syntax trees of all files: every call of fault, fault_all,
// fault_start, trace and trace_start that a test's function can reach counts. A target or keyword
// that cannot be told from the text counts for every service it might mean.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "world.h"

namespace mishap::spec {

/// A fault or trace in the text that could never take effect: see cell/unseen.h.
struct UnseenFault {
  SourcePos pos;
  std::string why;
};

struct ScanResult {
  std::map<std::string, std::set<std::string>> notified;  ///< service → syscalls
  std::set<std::pair<std::string, std::string>> relayed;  ///< (service, interface)
  std::set<std::string> partitioned;                      ///< as of CellPlan
  std::vector<UnseenFault> unseen;                        ///< only what the text says beyond doubt
};

struct FunctionIndex;

class FilterScan {
 public:
  explicit FilterScan(const World& world);
  ~FilterScan();
  /// For a test whose Starlark entry points are these functions (body, setup, expectation, seeds).
  ScanResult scan(const std::vector<Value>& entries) const;

 private:
  const World& world_;
  std::unique_ptr<FunctionIndex> index_;
};

}  // namespace mishap::spec
