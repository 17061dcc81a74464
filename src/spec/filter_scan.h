// What the code of a test may fault or trace, found before it runs: seccomp filters are fixed when
// a service starts.
//
// A conservative walk over the syntax trees of all files: every call of fault, fault_all,
// fault_start, trace and trace_start that a test's function can reach counts. A target or keyword
// that cannot be told from the text counts for every service it might mean.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "world.h"

namespace mishap::spec {

struct ScanResult {
  std::map<std::string, std::set<std::string>> notified;  ///< service → syscalls
  std::set<std::pair<std::string, std::string>> relayed;  ///< (service, interface)
  bool operator==(const ScanResult&) const = default;
};

class FilterScan {
 public:
  explicit FilterScan(const World& world);
  ~FilterScan();
  /// For a test whose Starlark entry points are these functions (body, setup, expectation, seeds).
  ScanResult scan(const std::vector<Value>& entries) const;

 private:
  struct Index;
  class Walk;
  const World& world_;
  std::unique_ptr<Index> index_;
};

}  // namespace mishap::spec
