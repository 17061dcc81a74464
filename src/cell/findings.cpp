#include "findings.h"

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/sandbox/probes.h"
#include "mishap/syscalls/probes.h"

#include "verdict.h"

namespace mishap::cell {

namespace {

/// What is not read within TLS is matched by no rule.
std::string trouble_with_tls(const fault::Counters& c, event::Log& log) {
  size_t count = 0;
  for (size_t i = 0; i < log.size(); ++i) {
    const event::Event& event = log.at(i);
    if (event.type == "proxy_tls_error" && event.service == c.service &&
        event.fields.get("interface") == c.interface)
      ++count;
  }
  if (count == 0) return "";
  return fmt::format("; {} connection{} to it had trouble with TLS: see proxy_tls_error", count,
                     count == 1 ? "" : "s");
}

}  // namespace

std::vector<event::FaultCount> fault_counts(Windows& windows, event::Log& log) {
  std::vector<event::FaultCount> faults;
  for (const auto& c : windows.counters()) {
    event::FaultCount fault;
    fault.service = c.service;
    fault.interface = c.interface;
    fault.text = c.declared.text;
    fault.assumption = c.declared.assumption;
    fault.label = c.declared.label;
    fault.action = c.action;
    fault.detail = c.detail;
    fault.matched = c.matched;
    fault.applied = c.applied;
    fault.may_not_fire = c.declared.may_not_fire;
    fault.pos = c.declared.pos;
    if (c.applied == 0)
      fault.instead = what_happened_instead(c, windows.fits(c)) + trouble_with_tls(c, log);
    faults.push_back(std::move(fault));
  }
  return faults;
}

std::vector<std::string> worded(const std::vector<UnexpectedExit>& exits) {
  std::vector<std::string> texts;
  texts.reserve(exits.size());
  for (const auto& exit : exits)
    texts.push_back(fmt::format("service \"{}\" {}", exit.service, exit.status.text()));
  return texts;
}

std::vector<std::string> shortcomings(const CellPlan& plan,
                                      const sandbox::CellEnvironment& environment) {
  auto texts = sandbox::shortcomings(environment);
  bool supervised = !plan.notified.empty() || !plan.relayed.empty();
  std::string listener = syscalls::listener_shortcoming();
  if (supervised && !listener.empty()) texts.push_back(std::move(listener));
  return texts;
}

/// Consumers that the spec does not name cannot be refused: anybody may connect to anything.
void note_unfiltered(const CellPlan& plan, event::TestResult& result) {
  for (const auto& service : plan.services) {
    if (service.seccomp) continue;
    for (const auto& [provider, interface] : plan.relayed) {
      if (provider == service.name) continue;
      result.notes.push_back(
          fmt::format("service \"{}\" runs without a filter (seccomp=False): connections it makes "
                      "go past the relay of {}.{}",
                      service.name, provider, interface));
    }
  }
}

void add_outputs(const CellPlan& plan, const Services& services, event::TestResult& result) {
  if (event::result_word(result.verdict) == "pass") return;
  for (const auto& service : plan.services) {
    std::string tail = services.output_tail(service.name, nullptr);
    if (!tail.empty()) result.outputs.push_back({service.name, redact(tail), ""});
  }
}

}  // namespace mishap::cell
