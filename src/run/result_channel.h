// What a worker came to with a job, on its way to the coordinator: lines, first `started`, then
// `event JSON` for each event and `result JSON`; or, instead of all or of the result, `over WHY`.
// A test may have a million events, so neither side ever holds the whole as text.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/event/run.h"

namespace mishap::run {

/// Gives the lines to `write`, several at a time, until that says false. Whether all were taken.
bool send_result(event::TestResult result, const std::function<bool(std::string_view)>& write);

/// The worker is at its job.
bool send_started(const std::function<bool(std::string_view)>& write);
/// The job has to be run in another cell; `why` is one line.
bool send_over(const std::string& why, const std::function<bool(std::string_view)>& write);

/// Reads what was sent about one job, in pieces of any size.
class ResultReader {
 public:
  void feed(std::string_view bytes);
  bool started() const { return started_; }
  /// Whether the whole result is there, or the job has to be run elsewhere. After nonsense neither
  /// ever is: the rest is to be read all the same, so that who writes it is not kept.
  bool done() const { return result_.has_value() || !over_.empty(); }
  /// Why the job has to be run in another cell; "" when it need not.
  const std::string& over() const { return over_; }
  /// At the end of the stream. Error: there is no whole result, or what came makes no sense.
  Result<event::TestResult> take();

 private:
  Result<void> read_line(std::string_view line);

  std::string unread_;
  std::vector<event::Event> events_;
  Result<event::TestResult> result_ = fail("no result came");
  std::string over_;
  bool started_ = false;
  bool broken_ = false;
};

}  // namespace mishap::run
