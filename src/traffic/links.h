// What rules make of the links between consumers and interfaces, and how often that made a
// difference.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "mishap/fault/decider.h"
#include "mishap/fault/rule.h"
#include "mishap/traffic/filter.h"
#include "mishap/traffic/router.h"

namespace mishap::traffic {

/// Not synchronised: its owner's mutex guards it.
class Links {
 public:
  LinkId add(fault::LinkRule rule);
  /// False: there is no such rule, or it has been taken back.
  bool remove(LinkId rule);
  /// Replaces the limit of the directions that it names.
  void limit(const fault::BandwidthLimit& limit);
  /// Takes every limit away. What each direction carried, a direction without one being absent.
  std::vector<BandwidthUse> unlimit();
  /// What all open rules together make of a direction of an edge.
  Shape shape_of(const fault::Edge& edge, Direction direction) const;
  /// A connection felt it: every open rule that does so gets the credit.
  void count(const fault::Edge& edge, Direction direction, ShapeEffect effect);
  /// What was counted for a rule, also after it was taken back.
  uint64_t effects(LinkId rule) const;

 private:
  struct Link {
    fault::LinkRule rule;
    uint64_t effects = 0;
    bool open = true;
  };
  static bool concerns(const Link& link, const fault::Edge& edge, Direction direction);

  LinkId next_ = 1;
  std::map<LinkId, Link> links_;
  std::map<Direction, std::shared_ptr<Bandwidth>> limits_;
};

}  // namespace mishap::traffic
