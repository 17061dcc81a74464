#include "bounds.h"

#include <cmath>

#include <fmt/format.h>
#include <pthread.h>

#include "mishap/starlark/operations.h"

#include "vm.h"

namespace mishap::starlark {
namespace {

constexpr size_t kStackReserve = size_t{64} << 10;

thread_local Thread* running = nullptr;

// The lowest address of this thread's stack; 0 when it is not known.
uintptr_t stack_bottom() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  void* bottom = nullptr;
  size_t size = 0;
  const bool known = pthread_attr_getstack(&attributes, &bottom, &size) == 0;
  pthread_attr_destroy(&attributes);
  return known ? reinterpret_cast<uintptr_t>(bottom) : 0;
}

}  // namespace

Result<void> count_work(uint64_t items) {
  if (running == nullptr || Vm(*running).count_work(items)) return {};
  return fail(Vm(*running).pending_error());
}

void note_bytes(uint64_t bytes) {
  constexpr uint64_t kMuch = 4096;
  constexpr uint64_t kBytesInAnItem = 64;
  if (bytes >= kMuch && running != nullptr) Vm(*running).note_work(bytes / kBytesInAnItem);
}

uint64_t number_work(uint64_t bits) {
  const uint64_t items = bits / kBitsInAnItem;
  return items * static_cast<uint64_t>(std::sqrt(static_cast<double>(items)));
}

Result<void> check_integer_size(uint64_t bits) {
  if (bits <= kMaxIntegerBits) return {};
  return fail(fmt::format("integer too large (more than {} bits)", kMaxIntegerBits));
}

uint64_t bits_of_digits(size_t digits, int base) {
  return static_cast<uint64_t>(std::ceil(static_cast<double>(digits) * std::log2(base)));
}

Result<void> may_read_integer(size_t digits, int base) {
  constexpr size_t kFew = 256;
  if (digits <= kFew) return {};
  const uint64_t bits = bits_of_digits(digits, base);
  MISHAP_TRY(check_integer_size(bits));
  return count_work(number_work(bits));
}

RunningThread::RunningThread(Thread& thread) : outer_(running) { running = &thread; }

RunningThread::~RunningThread() { running = outer_; }

size_t stack_left() {
  thread_local const uintptr_t bottom = stack_bottom();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here > bottom + kStackReserve ? here - bottom - kStackReserve : 0;
}

}  // namespace mishap::starlark
