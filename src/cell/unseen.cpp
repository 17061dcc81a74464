#include "mishap/cell/unseen.h"

#include <algorithm>

#include <fmt/format.h>

namespace mishap::cell {

std::optional<std::string> unseen(const engine::Service& service, const std::string& rule) {
  if (service.seccomp) return std::nullopt;
  return fmt::format(
      "[FAULT_NOT_FILTERABLE] {} on service \"{}\" cannot be seen: the service runs without a "
      "filter (seccomp=False). Take seccomp=False away, or fault the requests to one of its "
      "interfaces",
      rule, service.name);
}

namespace {

/// `Rule`: of an interface and perhaps of one consumer.
template <class Rule>
std::optional<std::string> would_miss(const std::vector<engine::Service>& services,
                                      const Rule& rule) {
  for (const auto& service : services) {
    bool depends = std::find(service.depends_on.begin(), service.depends_on.end(), rule.service) !=
                   service.depends_on.end();
    bool meant = rule.source.empty() ? depends : rule.source == service.name;
    if (service.seccomp || !meant) continue;
    return fmt::format(
        "[FAULT_NOT_FILTERABLE] {} on {}.{} would miss the requests of service \"{}\": it runs "
        "without a filter (seccomp=False), so its connections are not redirected to the relay. "
        "Take seccomp=False away{}",
        rule.declared.text, rule.service, rule.interface, service.name,
        rule.source.empty() ? ", or name the consumer that is meant with source=" : "");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::ProtocolRule& rule) {
  return would_miss(services, rule);
}

std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::LinkRule& rule) {
  return would_miss(services, rule);
}

std::optional<std::string> unseen(const std::vector<engine::Service>& services,
                                  const fault::PartitionRule& rule) {
  for (const auto& service : services) {
    if (service.seccomp || (service.name != rule.a && service.name != rule.b)) continue;
    return fmt::format(
        "[FAULT_NOT_FILTERABLE] {} would miss the connections of service \"{}\": it runs without a "
        "filter (seccomp=False), so they are not redirected to the relays that a partition cuts. "
        "Take seccomp=False away",
        rule.declared.text, service.name);
  }
  return std::nullopt;
}

}  // namespace mishap::cell
