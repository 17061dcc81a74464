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

/// Says that so many bytes were or will be copied or searched at once, where that is much. It can
/// not fail: a limit that was reached ends the run at its next step.
void note_bytes(uint64_t bytes);

/// So many bits of a long integer are an item where work grows with its length alone.
inline constexpr size_t kBitsInAnItem = 1024;
/// How many items it is to multiply or divide integers of so many bits in all, or to read them from
/// or write them as text, which takes more than linear time.
uint64_t number_work(uint64_t bits);
/// An error when an integer of so many bits is too large to be made (kMaxIntegerBits).
Result<void> check_integer_size(uint64_t bits);
/// How many bits an integer of so many digits may have.
uint64_t bits_of_digits(size_t digits, int base);
/// Both for text of so many digits, before it is read.
Result<void> may_read_integer(size_t digits, int base);

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
