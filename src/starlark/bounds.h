// What keeps native code within bounds while a script runs: a thread's limits hold inside long
// native loops too, and nothing recurses deeper than the C stack allows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mishap/base/result.h"

namespace mishap::starlark {

class Thread;

/// Says that native code dealt with so many more items for the running script. The error is that of
/// the limit that was reached, or of a cancellation; pass it on. Nothing happens outside of a run.
/// Sixteen items are a step.
Result<void> count_work(uint64_t items);

/// Marks the thread whose code runs on this C stack, from the outside in.
class RunningThread {
 public:
  explicit RunningThread(Thread& thread);
  ~RunningThread();
  RunningThread(const RunningThread&) = delete;
  RunningThread& operator=(const RunningThread&) = delete;

 private:
  Thread* outer_;
};

/// How much of the C stack recursive code may still use. A reserve for all that does not recurse is
/// already taken off; 0 when only that is left.
size_t stack_left();

}  // namespace mishap::starlark
