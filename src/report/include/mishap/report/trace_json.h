// The trace document (version 2): `--output FILE` and `--format json`.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"
#include "mishap/event/run.h"

namespace mishap::report {

/// Takes a document piece by piece; its Error ends the writing.
using Write = std::function<Result<void>(std::string_view)>;

/// Gathers a run. What a test came to is put aside as text, in a file without a name, so that a
/// long run takes no more memory than a short one.
class TraceJson : public event::RunObserver {
 public:
  void on_plan(const event::RunPlan& plan) override { plan_ = plan; }
  void on_finished(const event::TestResult& result) override;
  void on_summary(const event::RunSummary& summary) override { summary_ = summary; }

  /// Writes the document; it is complete after on_summary. Top level: version star_file duration_ms
  /// pass fail inconclusive? seed spec_hash tool_version tests matrix?; added: halted not_run.
  /// Tests in order of name and run. Errors: "cannot put the trace document aside: …", and those of
  /// `out`.
  Result<void> write(const Write& out) const;

 private:
  /// A test whose text was put aside, and what the matrix says of it.
  struct Entry {
    event::TestResult brief;  ///< without events and output
    long offset = 0;
    size_t length = 0;
  };
  struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void put_aside(std::string_view text);
  Json head() const;
  Result<void> copy(const Entry& entry, const Write& out) const;

  event::RunPlan plan_;
  event::RunSummary summary_;
  std::vector<Entry> entries_;
  std::unique_ptr<std::FILE, CloseFile> aside_;
  int aside_error_ = 0;  ///< errno of what went wrong there
  long aside_end_ = 0;
};

/// Writes what `produce` writes to `path` through a temporary file beside it and a rename. Errors:
/// "cannot write PATH: …", and those of `produce`.
Result<void> write_file(const std::string& path,
                        const std::function<Result<void>(const Write&)>& produce);
Result<void> write_file(const std::string& path, std::string_view text);

}  // namespace mishap::report
