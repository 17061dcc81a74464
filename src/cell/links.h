// Rules for links and limits of bandwidth in a running test.
#pragma once

#include <vector>

#include "mishap/cell/plan.h"
#include "mishap/event/log.h"
#include "mishap/fault/rule.h"
#include "mishap/traffic/router.h"

namespace mishap::cell {

/// Not synchronised. What is passed in outlives it; `router` is null where nothing is relayed.
class Links {
 public:
  using Id = size_t;

  Links(const CellPlan& plan, traffic::Router* router, event::Log& log)
      : plan_(plan), router_(router), log_(log) {}

  /// Errors: the rules would miss connections.
  Result<void> check(const WindowPlan& window) const;
  /// Puts the window's rules and its limit on; they have been checked.
  std::vector<Id> open(const WindowPlan& window);
  void close(const std::vector<Id>& links);
  /// Takes every limit away and says what it let through.
  void end_limits();
  /// Of all that are or were open, in the order in which they were opened.
  std::vector<fault::Counters> counters() const;

 private:
  struct Link {
    fault::LinkRule rule;
    traffic::LinkId id = 0;
  };
  Result<void> check(const fault::LinkRule& rule) const;
  void announce(const std::vector<fault::LinkRule>& rules);

  const CellPlan& plan_;
  traffic::Router* const router_;
  event::Log& log_;
  std::vector<Link> links_;  // index = id
  bool limited_ = false;
};

}  // namespace mishap::cell
