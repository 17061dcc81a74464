#include "links.h"

#include <map>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/cell/unseen.h"

namespace mishap::cell {
namespace {

const char* direction_text(traffic::Direction direction) {
  return direction == traffic::Direction::to_server ? "c2s" : "s2c";
}

}  // namespace

Result<void> Links::check(const fault::LinkRule& rule) const {
  if (auto why = unseen(plan_.services, rule)) return fail(*why);
  if (router_ != nullptr && plan_.relayed.contains({rule.service, rule.interface})) return {};
  return fail(
      fmt::format("[FAULT_NOT_FILTERABLE] {} on {}.{} cannot take effect: the interface is not "
                  "relayed in this test",
                  rule.declared.text, rule.service, rule.interface));
}

Result<void> Links::check(const WindowPlan& window) const {
  for (const auto& rule : window.links) MISHAP_TRY(check(rule));
  if (!window.bandwidth || (router_ != nullptr && !plan_.relayed.empty())) return {};
  return fail(
      "[FAULT_NOT_FILTERABLE] bandwidth() cannot take effect: no interface is relayed in this "
      "test. Call it where Mishap can find it before the start: in the test or a function it "
      "calls");
}

void Links::announce(const std::vector<fault::LinkRule>& rules) {
  std::map<std::string, std::vector<const fault::LinkRule*>> by_interface;
  for (const auto& rule : rules) by_interface[rule.service + "." + rule.interface].push_back(&rule);
  for (const auto& [name, group] : by_interface) {
    std::vector<std::string> texts;
    for (const auto* rule : group) texts.push_back(rule->declared.text);
    event::Draft draft{.type = "packet_fault_applied", .service = group.front()->service};
    draft.fields = {{"interface", group.front()->interface},
                    {"rules", join(texts, ", ")},
                    {"count", std::to_string(group.size())}};
    if (!group.front()->source.empty()) draft.fields.set("source", group.front()->source);
    log_.append(std::move(draft));
  }
}

std::vector<Links::Id> Links::open(const WindowPlan& window) {
  std::vector<Id> ids;
  announce(window.links);
  for (const auto& rule : window.links) {
    ids.push_back(links_.size());
    links_.push_back({rule, router_->shape(rule)});
  }
  if (!window.bandwidth) return ids;
  const fault::BandwidthLimit& limit = *window.bandwidth;
  router_->limit(limit);
  limited_ = true;
  event::Draft draft{.type = "bandwidth_applied"};
  draft.fields = {{"rate", limit.rate},
                  {"bytes_per_s", std::to_string(limit.bytes_per_second)},
                  {"dir", !limit.to_client  ? "c2s"
                          : limit.to_server ? "both"
                                            : "s2c"}};
  log_.append(std::move(draft));
  return ids;
}

void Links::close(const std::vector<Id>& ids) {
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
    const Link& link = links_[*id];
    router_->unshape(link.id);
    if (router_->shaped(link.id) > 0) continue;
    event::Draft draft{.type = "packet_fault_no_match", .service = link.rule.service};
    draft.fields = {{"interface", link.rule.interface}, {"rule", link.rule.declared.text}};
    if (!link.rule.declared.label.empty()) draft.fields.set("label", link.rule.declared.label);
    log_.append(std::move(draft));
  }
}

void Links::end_limits() {
  if (!limited_) return;
  limited_ = false;
  for (const auto& use : router_->unlimit()) {
    event::Draft draft{.type = "bandwidth_stats"};
    draft.fields = {{"dir", direction_text(use.direction)},
                    {"admitted", std::to_string(use.bytes)},
                    {"dropped", "0"},
                    {"peak_backlog", format_duration(use.longest_wait)}};
    log_.append(std::move(draft));
  }
}

std::vector<fault::Counters> Links::counters() const {
  std::vector<fault::Counters> all;
  for (const auto& [rule, id] : links_) {
    fault::Counters counters;
    counters.declared = rule.declared;
    counters.service = rule.service;
    counters.interface = rule.interface;
    counters.action = to_string(rule.action);
    counters.seen = counters.matched = counters.applied = router_->shaped(id);
    all.push_back(std::move(counters));
  }
  return all;
}

}  // namespace mishap::cell
