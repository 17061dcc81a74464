#include "partitions.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/unseen.h"

namespace mishap::cell {
namespace {

using fault::PartitionDirection;
using fault::PartitionRule;

std::vector<traffic::Way> ways_of(const PartitionRule& rule) {
  std::vector<traffic::Way> ways;
  if (rule.direction != PartitionDirection::b_to_a) ways.push_back({rule.a, rule.b});
  if (rule.direction != PartitionDirection::a_to_b) ways.push_back({rule.b, rule.a});
  return ways;
}

}  // namespace

Result<void> Partitions::check(const PartitionRule& rule) const {
  if (auto why = unseen(plan_.services, rule)) return fail(*why);
  for (const auto& place : interfaces_between(plan_.services, rule)) {
    if (router_ != nullptr && plan_.relayed.contains(place)) continue;
    return fail(
        fmt::format("[FAULT_NOT_FILTERABLE] {} cannot take effect: {}.{} is not relayed in this "
                    "test. Call partition or partition_start where Mishap can find it before the "
                    "start: in the test or a function it calls",
                    rule.declared.text, place.first, place.second));
  }
  return {};
}

Partitions::Id Partitions::open(const PartitionRule& rule, const std::string& assumption) {
  partitions_.push_back({rule, router_->cut(ways_of(rule))});
  event::Draft draft{.type = "partition_applied", .service = rule.a};
  draft.fields = {{"peer", rule.b},
                  {"direction", std::string(to_string(rule.direction))},
                  {"legs", std::to_string(interfaces_between(plan_.services, rule).size())}};
  if (!assumption.empty()) draft.fields.set("assumption", assumption);
  log_.append(std::move(draft));
  return partitions_.size() - 1;
}

void Partitions::close(Id id) {
  const Partition& partition = partitions_[id];
  router_->mend(partition.cut);
  event::Draft draft{.type = "partition_removed", .service = partition.rule.a};
  draft.fields = {{"peer", partition.rule.b},
                  {"direction", std::string(to_string(partition.rule.direction))}};
  log_.append(std::move(draft));
}

void Partitions::leaked(const std::vector<Id>& ids) {
  if (ids.empty()) return;
  std::vector<std::string> pairs, calls;
  for (Id id : ids) {
    const PartitionRule& rule = partitions_[id].rule;
    pairs.push_back(rule.a + "/" + rule.b);
    calls.push_back(fmt::format("partition_stop({}, {})", rule.a, rule.b));
  }
  leak_ = fmt::format("the partition{} {} {} still on when the test ended: {} was not called",
                      ids.size() == 1 ? "" : "s", join(pairs, ", "),
                      ids.size() == 1 ? "was" : "were", join(calls, ", "));
  event::Draft draft{.type = "partition_leaked"};
  draft.fields = {{"pairs", join(pairs, ",")}, {"detail", leak_}};
  log_.append(std::move(draft));
}

std::vector<fault::Counters> Partitions::counters() const {
  std::vector<fault::Counters> all;
  for (const auto& [rule, cut] : partitions_) {
    fault::Counters counters;
    counters.declared = rule.declared;
    counters.service = rule.a;
    counters.peer = rule.b;
    counters.action = "partition";
    counters.detail = to_string(rule.direction);
    counters.seen = counters.matched = counters.applied = router_->effects(cut);
    all.push_back(std::move(counters));
  }
  return all;
}

}  // namespace mishap::cell
