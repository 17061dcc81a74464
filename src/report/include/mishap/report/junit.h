// JUnit XML, as CI systems read it: `--junit FILE`.
#pragma once

#include <string>
#include <vector>

#include "mishap/event/run.h"

namespace mishap::report {

/// One testsuite a run, one testcase a test. failed and expectation_violated → failure; errored,
/// inconclusive and tool_error → error; halted and not_run → skipped; vacuous passes and says so in
/// system-out.
class Junit : public event::RunObserver {
 public:
  void on_plan(const event::RunPlan& plan) override { plan_ = plan; }
  void on_finished(const event::TestResult& result) override;
  void on_summary(const event::RunSummary& summary) override { summary_ = summary; }
  std::string document() const;

 private:
  event::RunPlan plan_;
  event::RunSummary summary_;
  std::vector<event::TestResult> results_;  // without events
};

/// Text for XML: markup escaped, characters that XML 1.0 forbids replaced by U+FFFD.
std::string xml_text(std::string_view text);

}  // namespace mishap::report
