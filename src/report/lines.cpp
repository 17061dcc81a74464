#include "mishap/report/lines.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::report {
namespace {

using event::Verdict;

constexpr size_t kLongestDetailBytes = 160;
constexpr size_t kLongestOutputBytes = 240;

std::string indent(std::string_view text, std::string_view prefix) {
  std::string out;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty() && out.empty()) continue;
    out.append(prefix).append(line).push_back('\n');
  }
  while (out.size() > prefix.size() + 1 && out.ends_with(std::string(prefix) + "\n")) {
    out.resize(out.size() - prefix.size() - 1);
  }
  return out;
}

std::string all_fields(const event::Event& event) {
  std::string out;
  for (const auto& [name, value] : event.fields) {
    if (!out.empty()) out += ' ';
    out.append(name).append("=").append(value);
  }
  return out;
}

std::string with(std::string_view prefix, std::string_view value, std::string_view suffix = "") {
  return value.empty() ? "" : fmt::format("{}{}{}", prefix, value, suffix);
}

std::string detail(const event::Event& event) {
  const event::Fields& f = event.fields;
  if (event.type == "syscall") {
    return fmt::format("{} {}{}{}", f.get("syscall"), f.get("decision"), with(" ", f.get("path")),
                       with(" [", f.get("label"), "]"));
  }
  if (event.type == "step_send" || event.type == "step_recv") return std::string(f.get("summary"));
  if (event.type == "stdout" || event.type == "stderr") {
    std::string_view raw = f.get("raw");
    return fmt::format("{}: {}", event.type, raw.empty() ? all_fields(event) : std::string(raw));
  }
  return event.type + with(" ", all_fields(event));
}

std::string spec_excerpt(const event::TestResult& result) {
  if (result.pos.line == 0) return "";
  std::string out = fmt::format("  at {}\n", result.pos.text());
  if (result.source_line.empty()) return out;
  out += fmt::format("    {:>5} | {}\n", result.pos.line, result.source_line);
  if (result.pos.column > 0) {
    out += fmt::format("          | {}^\n", std::string(size_t(result.pos.column - 1), ' '));
  }
  return out;
}

std::string last_events_text(const event::TestResult& result, size_t count) {
  std::vector<const event::Event*> telling;
  for (const auto& event : result.events) {
    if (is_telling(event)) telling.push_back(&event);
  }
  if (telling.empty() || count == 0) return "";
  size_t first = telling.size() > count ? telling.size() - count : 0;
  std::string out =
      fmt::format("  last {} of {} events:\n", telling.size() - first, result.events.size());
  for (size_t i = first; i < telling.size(); ++i) {
    out += "    " + event_line(*telling[i], result.events.front().timestamp) + "\n";
  }
  return out;
}

std::string output_text(const event::ServiceOutput& output) {
  auto lines = split(output.tail, '\n');
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty()) return "";
  size_t first =
      lines.size() > event::kShownOutputLines ? lines.size() - event::kShownOutputLines : 0;
  std::string which = first > 0 ? fmt::format(", last {} lines", event::kShownOutputLines) : "";
  std::string out = fmt::format("  output of {}{}:\n", output.service, which);
  for (size_t i = first; i < lines.size(); ++i)
    out += fmt::format("    {}\n", truncated(lines[i], kLongestOutputBytes));
  if (!output.saved_to.empty()) out += fmt::format("    (all of it: {})\n", output.saved_to);
  return out;
}

}  // namespace

std::string short_duration(std::chrono::milliseconds duration) {
  auto ms = duration.count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f}s", double(ms) / 1000);
  return fmt::format("{}m{:02}s", ms / 60'000, ms / 1000 % 60);
}

std::string title(const event::TestResult& result) {
  if (!result.fault.empty() && !result.scenario.empty()) {
    return result.scenario + " × " + result.fault;
  }
  return result.name;
}

std::string_view verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "PASS";
    case Verdict::vacuous:
      return "VACUOUS";
    case Verdict::failed:
    case Verdict::expectation_violated:
      return "FAIL";
    case Verdict::errored:
      return "ERROR";
    case Verdict::inconclusive:
      return "INCONCLUSIVE";
    case Verdict::halted:
      return "HALTED";
    case Verdict::tool_error:
      return "TOOL ERROR";
    case Verdict::not_run:
      return "NOT RUN";
  }
  return "?";
}

bool is_red(Verdict verdict) {
  switch (verdict) {
    case Verdict::failed:
    case Verdict::expectation_violated:
    case Verdict::errored:
    case Verdict::inconclusive:
    case Verdict::tool_error:
      return true;
    default:
      return false;
  }
}

bool is_telling(const event::Event& event) {
  if (event.type != "syscall") return true;
  return !event.fields.get("decision").starts_with("allow");
}

std::string event_line(const event::Event& event, event::Timestamp start) {
  double seconds = std::chrono::duration<double>(event.timestamp - start).count();
  std::string text = replace_all(detail(event), "\n", " ");
  return fmt::format("#{:<4} +{:.3f}s  {:<8} {}", event.seq, seconds, event.service,
                     truncated(text, kLongestDetailBytes));
}

std::string fault_line(const event::FaultCount& fault) {
  std::string out = event::placed_text(fault);
  if (!fault.label.empty()) out += fmt::format(" [{}]", fault.label);
  if (fault.applied > 0) return out + fmt::format(": applied {}×", fault.applied);
  out += fault.matched > 0 ? fmt::format(": matched {}×, never applied", fault.matched)
                           : ": never took effect";
  if (!fault.instead.empty()) out += "; " + fault.instead;
  return out;
}

std::string failure_block(const event::TestResult& result, size_t last_events) {
  std::string out = fmt::format("--- {}: {} ---\n", verdict_word(result.verdict), title(result));
  bool unapplied = std::any_of(result.faults.begin(), result.faults.end(), [](const auto& f) {
    return f.applied == 0 && !f.may_not_fire && f.action != "trace" && f.action != "allow";
  });
  // A fault that never took effect explains most failures of the expectation, so it comes first.
  if (unapplied) {
    for (const auto& fault : result.faults) {
      if (fault.applied == 0 && !fault.may_not_fire) out += "  note: " + fault_line(fault) + "\n";
    }
  }
  out += indent(
      result.reason.empty() ? std::string(event::to_string(result.verdict)) : result.reason, "  ");
  out += spec_excerpt(result);
  if (!result.backtrace.empty()) out += indent(result.backtrace, "  ");
  for (const auto& fault : result.faults) {
    if (fault.applied > 0) out += "  fault: " + fault_line(fault) + "\n";
  }
  out += last_events_text(result, last_events);
  for (const auto& output : result.outputs) out += output_text(output);
  if (!result.kept.empty()) out += fmt::format("  kept: {}\n", result.kept);
  if (!result.replay_command.empty()) out += fmt::format("  repeat: {}\n", result.replay_command);
  return out;
}

}  // namespace mishap::report
