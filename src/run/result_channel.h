// What a worker came to, on its way to the coordinator: lines, `event JSON` for each event and then
// `result JSON`. A cell may have a million events, so neither side ever holds the whole as text.
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

/// Reads what send_result wrote, in pieces of any size.
class ResultReader {
 public:
  void feed(std::string_view bytes);
  /// Whether the whole result is there. After nonsense it never is: the rest is to be read all the
  /// same, so that who writes it is not kept.
  bool done() const { return result_.has_value(); }
  /// At the end of the stream. Error: there is no whole result, or what came makes no sense.
  Result<event::TestResult> take();

 private:
  Result<void> read_line(std::string_view line);

  std::string unread_;
  std::vector<event::Event> events_;
  Result<event::TestResult> result_ = fail("no result came");
  bool broken_ = false;
};

}  // namespace mishap::run
