// The trace document (version 2): `--output FILE` and `--format json`.
#pragma once

#include <string>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/event/run.h"

namespace mishap::report {

/// Gathers a run; `document` is complete after on_summary.
class TraceJson : public event::RunObserver {
 public:
  void on_plan(const event::RunPlan& plan) override { plan_ = plan; }
  void on_finished(const event::TestResult& result) override;
  void on_summary(const event::RunSummary& summary) override { summary_ = summary; }

  /// Top level: version star_file duration_ms pass fail inconclusive? tests matrix?; added: halted
  /// vacuous not_run seed spec_hash tool_version. Tests in order of name and run.
  Json document() const;

 private:
  event::RunPlan plan_;
  event::RunSummary summary_;
  std::vector<event::TestResult> results_;
};

/// Writes `text` to `path` through a temporary file beside it and a rename. Error: "cannot write
/// PATH: …".
Result<void> write_file(const std::string& path, std::string_view text);

}  // namespace mishap::report
