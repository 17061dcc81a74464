// Ctrl-C and SIGTERM while a run lasts.
#pragma once

#include <csignal>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::run {

/// Counts SIGINT and SIGTERM while it lives. The first is for the run to notice; the second ends
/// the process at once with exit code 130 and a line on stderr, and its cells die with it. System
/// calls are restarted, so that a signal spoils no output; what waits for it polls `fd`. One at a
/// time, on the process's only thread.
class Interrupts {
 public:
  static Result<Interrupts> watch();
  Interrupts(Interrupts&& other) noexcept;
  Interrupts& operator=(Interrupts&&) = delete;
  ~Interrupts();

  bool any() const;
  /// Readable once a signal came, and from then on.
  int fd() const { return wake_.get(); }

 private:
  explicit Interrupts(UniqueFd wake) : wake_(std::move(wake)) {}
  UniqueFd wake_;
  bool installed_ = false;
  struct sigaction old_int_{}, old_term_{};
};

}  // namespace mishap::run
