#include "mishap/report/console.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/report/lines.h"

#include "grid.h"

namespace mishap::report {
namespace {

using event::Verdict;

constexpr size_t kGridWidth = 110;
constexpr size_t kProgressBytes = 76;  // a line of a terminal, so that \r returns to its start

std::string_view colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "\x1b[32m";
    case Verdict::vacuous:
    case Verdict::halted:
    case Verdict::inconclusive:
      return "\x1b[33m";
    case Verdict::not_run:
      return "\x1b[2m";
    default:
      return "\x1b[31m";
  }
}

std::string painted(bool colour, Verdict verdict, const std::string& text) {
  return colour ? fmt::format("{}{}\x1b[0m", colour_of(verdict), text) : text;
}

/// Keeps of a result what may still be printed at the end: the events only when they explain a
/// failure.
event::TestResult kept(const event::TestResult& result) {
  event::TestResult copy = result;
  if (!is_red(result.verdict)) std::vector<event::Event>().swap(copy.events);
  return copy;
}

std::string count_line(const std::vector<event::TestResult>& results) {
  auto count = [&](auto... wanted) {
    return std::count_if(results.begin(), results.end(),
                         [&](const auto& r) { return ((r.verdict == wanted) || ...); });
  };
  std::string out = fmt::format(
      "{} passed, {} failed", count(Verdict::passed, Verdict::vacuous),
      count(Verdict::failed, Verdict::expectation_violated, Verdict::errored, Verdict::tool_error));
  auto add = [&](auto number, std::string_view word) {
    if (number > 0) out += fmt::format(", {} {}", number, word);
  };
  add(count(Verdict::inconclusive), "inconclusive");
  add(count(Verdict::halted), "halted");
  add(count(Verdict::not_run), "not run (interrupted)");
  if (auto vacuous = count(Verdict::vacuous); vacuous > 0) {
    out += fmt::format("; {} of the passed {} vacuous", vacuous, vacuous == 1 ? "is" : "are");
  }
  return out;
}

}  // namespace

Console::Console(Write write, ConsoleOptions options)
    : write_(std::move(write)), options_(options) {}
Console::~Console() { clear_progress(); }

void Console::clear_progress() {
  if (progress_shown_) write_("\r\x1b[K");
  progress_shown_ = false;
}

void Console::progress() {
  if (!options_.live || running_.empty()) return;
  std::string names;
  for (const auto& name : running_) names += (names.empty() ? "" : ", ") + name;
  size_t total = plan_.tests.size() * size_t(std::max(1, plan_.runs));
  std::string line = fmt::format("  [{}/{}] {}", results_.size(), total, names);
  line = truncated(line, kProgressBytes);
  write_("\r\x1b[K" + line);
  progress_shown_ = true;
}

void Console::on_plan(const event::RunPlan& plan) {
  plan_ = plan;
  write_(fmt::format("mishap {} · {} · {} {}{} · seed {} ({}) · {} {}\n", plan.tool_version,
                     plan.spec, plan.tests.size(), plan.tests.size() == 1 ? "test" : "tests",
                     plan.runs > 1 ? fmt::format(" × {} runs", plan.runs) : "", plan.seed,
                     plan.seed_origin, plan.jobs, plan.jobs == 1 ? "job" : "jobs"));
  size_t widest = 0;
  for (const auto& [name, what] : plan.services) widest = std::max(widest, name.size());
  for (const auto& [name, what] : plan.services)
    write_(fmt::format("  {:<{}}  {}\n", name, widest, what));
  write_("\n");
}

void Console::on_started(const std::string& test, int) {
  running_.insert(test);
  progress();
}

void Console::on_finished(const event::TestResult& result) {
  running_.erase(result.name);
  results_.push_back(kept(result));
  if (plan_.runs > 1 && !is_red(result.verdict)) {
    finished_repetition(result);
  } else if (!options_.only_failures || is_red(result.verdict)) {
    print_result(result, result.duration,
                 plan_.runs > 1 ? fmt::format("run {} of {}", result.run + 1, plan_.runs) : "");
  }
  progress();
}

/// Of a test that is repeated, green runs are one line once all of them are in. A test whose runs
/// differ in shade of green is shown as the one that is not plainly passed.
void Console::finished_repetition(const event::TestResult& result) {
  Repetition& seen = repetitions_[result.name];
  ++seen.green;
  if (result.verdict != Verdict::not_run) ++seen.done;
  seen.longest = std::max(seen.longest, result.duration);
  if (result.verdict != Verdict::passed) seen.shown = results_.size() - 1;
  if (seen.green < plan_.runs || options_.only_failures) return;
  std::string runs = seen.done == plan_.runs
                         ? fmt::format("the longest of {} runs", plan_.runs)
                         : fmt::format("{} of {} runs done", seen.done, plan_.runs);
  print_result(seen.shown ? results_[*seen.shown] : result, seen.longest, runs);
}

void Console::print_result(const event::TestResult& result, std::chrono::milliseconds duration,
                           std::string_view runs) {
  clear_progress();
  std::string word = fmt::format("{:<12}", verdict_word(result.verdict));
  std::string time = result.verdict == Verdict::not_run ? "" : short_duration(duration);
  std::string line = fmt::format("{} {:<44} {:>7}", painted(options_.colour, result.verdict, word),
                                 title(result), time);
  if (!runs.empty()) line += fmt::format("  ({})", runs);
  if (result.verdict != Verdict::passed && !result.reason.empty()) {
    line += "  " + result.reason.substr(0, result.reason.find('\n'));
  }
  while (line.ends_with(' ')) line.pop_back();
  write_(line + "\n");
}

void Console::on_summary(const event::RunSummary& summary) {
  clear_progress();
  auto paint = [this](Verdict verdict, const std::string& text) {
    return painted(options_.colour, verdict, text);
  };
  for (const auto& matrix : plan_.matrices) {
    write_("\n" + grid(matrix, results_, paint, kGridWidth));
  }
  for (const auto& result : results_) {
    if (!is_red(result.verdict)) continue;
    std::string block = failure_block(result, options_.last_events);
    size_t heading = block.find('\n');
    write_("\n" + paint(result.verdict, block.substr(0, heading)) + block.substr(heading));
  }
  if (std::any_of(results_.begin(), results_.end(),
                  [](const auto& result) { return is_red(result.verdict); })) {
    write_("\nTo look around in a cell, write \"mishap shell\" for \"mishap test\" in its line.\n");
  }
  bool first = true;
  for (const auto& result : results_) {
    if (result.verdict != Verdict::vacuous) continue;
    if (first)
      write_("\nvacuous: what was expected held, but a declared fault never took effect\n");
    first = false;
    for (const auto& fault : result.faults) {
      if (fault.applied == 0 && !fault.may_not_fire) {
        write_(fmt::format("  {}: {}\n", title(result), fault_line(fault)));
      }
    }
  }
  std::set<std::string> notes;
  for (const auto& result : results_) notes.insert(result.notes.begin(), result.notes.end());
  if (!notes.empty()) write_("\n");
  for (const auto& note : notes) write_("note: " + note + "\n");
  std::set<std::string> kept;
  for (const auto& result : results_) {
    if (!result.kept.empty()) kept.insert(result.kept.substr(0, result.kept.rfind('/')));
  }
  for (const auto& directory : kept) write_("\nkept: " + directory + "\n");
  for (const auto& d : summary.diagnostics) {
    write_(fmt::format("{}: [{}] {}\n", d.level, d.code, d.message));
    if (!d.suggestion.empty()) write_("  " + d.suggestion + "\n");
  }
  write_(fmt::format("\n{} ({})\n", count_line(results_), short_duration(summary.duration)));
}

}  // namespace mishap::report
