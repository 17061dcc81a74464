#include "links.h"

#include <algorithm>
#include <utility>

namespace mishap::traffic {
namespace {

ShapeEffect effect_of(fault::LinkAction action) {
  switch (action) {
    case fault::LinkAction::delay:
      return ShapeEffect::slowed;
    case fault::LinkAction::stall:
      return ShapeEffect::stalled;
    case fault::LinkAction::reset:
      break;
  }
  return ShapeEffect::reset;
}

void lower(std::optional<uint64_t>& limit, uint64_t bytes) {
  limit = limit ? std::min(*limit, bytes) : bytes;
}

}  // namespace

LinkId Links::add(fault::LinkRule rule) {
  links_[next_].rule = std::move(rule);
  return next_++;
}

bool Links::remove(LinkId rule) {
  auto found = links_.find(rule);
  return found != links_.end() && std::exchange(found->second.open, false);
}

void Links::limit(const fault::BandwidthLimit& limit) {
  if (limit.to_server)
    limits_[Direction::to_server] = std::make_shared<Bandwidth>(limit.bytes_per_second);
  if (limit.to_client)
    limits_[Direction::to_client] = std::make_shared<Bandwidth>(limit.bytes_per_second);
}

std::vector<BandwidthUse> Links::unlimit() {
  std::vector<BandwidthUse> uses;
  uses.reserve(limits_.size());
  for (const auto& [direction, bandwidth] : limits_)
    uses.push_back({direction, bandwidth->admitted(), bandwidth->longest_wait()});
  limits_.clear();
  return uses;
}

bool Links::concerns(const Link& link, const fault::Edge& edge, Direction direction) {
  const fault::LinkRule& rule = link.rule;
  return link.open && (direction == Direction::to_server ? rule.to_server : rule.to_client) &&
         rule.service == edge.service && rule.interface == edge.interface &&
         (rule.source.empty() || rule.source == edge.consumer);
}

Shape Links::shape_of(const fault::Edge& edge, Direction direction) const {
  Shape shape;
  for (const auto& [id, link] : links_) {
    if (!concerns(link, edge, direction)) continue;
    switch (link.rule.action) {
      case fault::LinkAction::delay:
        shape.latency += link.rule.delay;
        break;
      case fault::LinkAction::stall:
        lower(shape.stall_after, link.rule.after_bytes);
        break;
      case fault::LinkAction::reset:
        lower(shape.reset_after, link.rule.after_bytes);
        break;
    }
  }
  if (auto limit = limits_.find(direction); limit != limits_.end()) shape.bandwidth = limit->second;
  return shape;
}

void Links::count(const fault::Edge& edge, Direction direction, ShapeEffect effect) {
  for (auto& [id, link] : links_) {
    if (concerns(link, edge, direction) && effect_of(link.rule.action) == effect) ++link.effects;
  }
}

uint64_t Links::effects(LinkId rule) const {
  auto found = links_.find(rule);
  return found == links_.end() ? 0 : found->second.effects;
}

}  // namespace mishap::traffic
