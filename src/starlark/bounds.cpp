#include "bounds.h"

#include <pthread.h>

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

RunningThread::RunningThread(Thread& thread) : outer_(running) { running = &thread; }

RunningThread::~RunningThread() { running = outer_; }

size_t stack_left() {
  thread_local const uintptr_t bottom = stack_bottom();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here > bottom + kStackReserve ? here - bottom - kStackReserve : 0;
}

}  // namespace mishap::starlark
