// Partitions of a running test: what is cut now, and how often that made a difference.
#pragma once

#include <map>
#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/event/log.h"
#include "mishap/fault/rule.h"
#include "mishap/traffic/router.h"

namespace mishap::cell {

/// Not synchronised. What is passed in outlives it; `router` is null where nothing is relayed.
class Partitions {
 public:
  using Id = size_t;

  Partitions(const CellPlan& plan, traffic::Router* router, event::Log& log)
      : plan_(plan), router_(router), log_(log) {}

  /// Error: it could not be seen to that nothing passes.
  Result<void> check(const fault::PartitionRule& rule) const;
  /// Cuts; `rule` has been checked.
  Id open(const fault::PartitionRule& rule, const std::string& assumption);
  void close(Id partition);
  /// Says that nobody closed these before the test ended; after they were closed.
  void leaked(const std::vector<Id>& partitions);
  /// The same for people; "" when there were none.
  const std::string& leak() const { return leak_; }
  /// Of all that are or were open, in the order in which they were opened.
  std::vector<fault::Counters> counters() const;

 private:
  struct Partition {
    fault::PartitionRule rule;
    traffic::CutId cut = 0;
  };
  const CellPlan& plan_;
  traffic::Router* const router_;
  event::Log& log_;
  std::vector<Partition> partitions_;  // index = id
  std::string leak_;
};

}  // namespace mishap::cell
