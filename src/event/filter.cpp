#include "mishap/event/filter.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/base/glob.h"

namespace mishap::event {
namespace {

bool matches_one(const std::string& name, const std::string& pattern, const Event& event) {
  if (name == "type") return glob_field(pattern, event.type);
  if (name == "event_type") return glob_field(pattern, event.event_type);
  if (name == "service") return glob_field(pattern, event.service);
  if (name == "seq") return glob_field(pattern, std::to_string(event.seq));
  return glob_field(pattern, event.fields.get(name));
}

template <size_t N>
bool is_one_of(const std::array<std::string_view, N>& types, std::string_view type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

}  // namespace

bool Filter::names_type() const {
  return std::any_of(criteria.begin(), criteria.end(), [](const auto& item) {
    return item.first == "type" || item.first == "event_type";
  });
}

bool Filter::matches(const Event& event) const {
  return std::all_of(criteria.begin(), criteria.end(),
                     [&](const auto& item) { return matches_one(item.first, item.second, event); });
}

std::string Filter::text() const {
  std::string text;
  for (const auto& [name, pattern] : criteria) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : " ", name, pattern);
  }
  return text;
}

const std::vector<std::string>& known_types() {
  static const std::vector<std::string> kTypes = {"syscall",
                                                  "stdout",
                                                  "stderr",
                                                  "step_send",
                                                  "step_recv",
                                                  "service_started",
                                                  "service_ready",
                                                  "service_exited",
                                                  "service_seed",
                                                  "service_reset",
                                                  "fault_applied",
                                                  "fault_removed",
                                                  "fault_zero_traffic",
                                                  "fault_skipped_no_seccomp",
                                                  "trace_applied",
                                                  "trace_removed",
                                                  "proxy",
                                                  "proxy_started",
                                                  "proxy_active",
                                                  "proxy_fault_applied",
                                                  "proxy_fault_removed",
                                                  "proxy_conn_open",
                                                  "proxy_conn_close",
                                                  "proxy_conn_failed",
                                                  "proxy_parse_error",
                                                  "proxy_handshake_complete",
                                                  "proxy_tls_error",
                                                  "proxy_stall",
                                                  "client_call",
                                                  "client_return",
                                                  "contract_violation",
                                                  "topic",
                                                  "wal",
                                                  "tail",
                                                  "poll",
                                                  "packet",
                                                  "file_io",
                                                  "unmediated_io",
                                                  "partition_applied",
                                                  "partition_removed",
                                                  "partition_leaked",
                                                  "packet_fault_applied",
                                                  "packet_fault_no_match",
                                                  "bandwidth_applied",
                                                  "bandwidth_stats",
                                                  "vacuous_property"};
  return kTypes;
}

bool in_assertion_default(std::string_view type) {
  constexpr std::array<std::string_view, 4> kTypes = {"syscall", "stdout", "topic", "wal"};
  return is_one_of(kTypes, type);
}

bool in_events_default(std::string_view type) {
  constexpr std::array<std::string_view, 3> kMore = {"client_call", "client_return",
                                                     "contract_violation"};
  return in_assertion_default(type) || is_one_of(kMore, type);
}

}  // namespace mishap::event
