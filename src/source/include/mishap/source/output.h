// A service's output as events: every line of its stdout or stderr is one.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"
#include "mishap/event/decoder.h"
#include "mishap/event/log.h"
#include "mishap/net/loop.h"
#include "mishap/source/lines.h"

namespace mishap::source {

/// The last lines of a service, stdout and stderr as they came, for the report of a red test. Any
/// thread.
class OutputTail {
 public:
  static constexpr size_t kKeptBytes = 64 * 1024;
  void add(std::string_view line);
  std::string text() const;  ///< whole lines, at most kKeptBytes of them
  bool complete() const;     ///< nothing was dropped
  void clear();              ///< forgets all lines

 private:
  mutable std::mutex mutex_;
  std::string text_;
  bool dropped_ = false;
};

/// Follows one pipe. Lives on the loop's thread, except for construction before the loop runs
/// anything of it. A pipe is always drained: a chatty service never blocks on its own output.
class OutputSource {
 public:
  struct Options {
    std::string service;
    std::string type;  ///< "stdout" or "stderr"
    std::shared_ptr<const event::Decoder> decoder;
    bool echo = false;  ///< also write "service | line" to our stderr
  };
  /// `log` and `tail` outlive the source. The descriptor is made non-blocking.
  OutputSource(Options options, UniqueFd pipe, event::Log& log, OutputTail& tail);

  Result<void> follow(net::Loop& loop);
  /// Reads what is in the pipe now. The loop's thread.
  void read_available();

 private:
  void on_line(std::string_view line);
  Options options_;
  UniqueFd pipe_;
  event::Log& log_;
  OutputTail& tail_;
  LineSplitter splitter_;
  net::Watch watch_;
};

}  // namespace mishap::source
