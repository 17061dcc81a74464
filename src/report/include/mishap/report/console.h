// The console: what a person sees of a run.
//
// Plain lines by default; on a terminal also colour and one line of live progress. After the tests
// come the grid of every matrix, then each failure with its reason, the line of the spec, the last
// events before it and the command that repeats just that cell.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/event/run.h"

namespace mishap::report {

struct ConsoleOptions {
  bool colour = false;
  bool live = false;           ///< keep one line of progress at the bottom (a terminal)
  bool only_failures = false;  ///< --show fail
  size_t last_events = 12;     ///< shown before a failure
};

/// Calls come from the coordinator's thread. Keeps the results it needs for the end, without plain
/// events.
class Console : public event::RunObserver {
 public:
  using Write = std::function<void(std::string_view)>;
  Console(Write write, ConsoleOptions options);
  ~Console() override;

  void on_plan(const event::RunPlan& plan) override;
  void on_started(const std::string& test, int run) override;
  void on_finished(const event::TestResult& result) override;
  void on_summary(const event::RunSummary& summary) override;

 private:
  /// What is known of a test that is run several times.
  struct Repetition {
    int green = 0;  ///< results that are not red
    int done = 0;   ///< of these, were run
    std::chrono::milliseconds longest{0};
    std::optional<size_t> shown;  ///< index of the result that stands for all
  };
  void finished_repetition(const event::TestResult& result);
  /// `runs`: what is to be said of repetitions, "" when there are none.
  void print_result(const event::TestResult& result, std::chrono::milliseconds duration,
                    std::string_view runs);
  void progress();
  void clear_progress();

  Write write_;
  ConsoleOptions options_;
  event::RunPlan plan_;
  std::set<std::string> running_;
  std::vector<event::TestResult> results_;         // events only of red ones
  std::map<std::string, Repetition> repetitions_;  // by test name
  bool progress_shown_ = false;
};

}  // namespace mishap::report
