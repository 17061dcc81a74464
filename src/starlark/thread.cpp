#include "mishap/starlark/thread.h"

#include <sys/mman.h>

#include "mishap/base/check.h"
#include "mishap/starlark/interpreter.h"

#include "vm.h"

namespace mishap::starlark {
namespace {

// Address space, not memory: pages are only used as calls get deep. It is the kernel's own, as an
// allocator may write to what it gives out (the address sanitizer does, a megabyte for these).
constexpr size_t kStackValues = size_t{1} << 19;
constexpr size_t kStackBytes = kStackValues * sizeof(Value);

}  // namespace

Thread::State::State() {
  void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  MISHAP_CHECK(memory != MAP_FAILED, "no memory for a Starlark stack");
  stack = static_cast<Value*>(memory);
  stack_end = stack + kStackValues;
  top = stack;
}

Thread::State::~State() {
  while (top > stack) (--top)->~Value();
  munmap(stack, kStackBytes);
}

Thread::Thread(Interpreter& interpreter, std::string name)
    : interpreter_(interpreter), name_(std::move(name)), state_(std::make_unique<State>()) {
  set_depth_limit(depth_limit_);
}

Thread::~Thread() = default;

void Thread::set_depth_limit(size_t frames) {
  depth_limit_ = frames;
  state_->frames.set_limit(frames);
}

Heap& Thread::heap() const { return interpreter_.heap(); }

Result<Value> Thread::call(const Value& function, const CallArgs& args) {
  Value result;
  if (Vm(*this).call(function, args, result)) return result;
  return fail(Error{state_->pending->message, kEvaluationFailed});
}

Outcome Thread::run(const Value& function, const CallArgs& args) {
  auto result = call(function, args);
  if (result) return std::move(*result);
  return tl::unexpected<EvalError>(take_error(std::move(result).error()));
}

EvalError Thread::take_error(Error error) {
  if (error.code != kEvaluationFailed || !state_->pending)
    Vm(*this).raise(std::move(error));
  else if (!state_->pending->cancelled)
    state_->pending->message = std::move(error.message);
  EvalError taken = std::move(*state_->pending);
  state_->pending.reset();
  return taken;
}

tl::unexpected<Error> Thread::rethrow(EvalError error) {
  std::string message = error.message;
  state_->pending = std::move(error);
  return fail(Error{std::move(message), kEvaluationFailed});
}

void Thread::cancel(std::string reason) {
  const std::lock_guard lock(state_->cancel_mutex);
  if (interrupt_.load(std::memory_order_relaxed) != 0) return;  // the first reason stays
  state_->cancel_reason = std::move(reason);
  interrupt_.store(1, std::memory_order_release);
}

void Thread::clear_cancel() {
  const std::lock_guard lock(state_->cancel_mutex);
  state_->cancel_reason.clear();
  interrupt_.store(0, std::memory_order_release);
}

std::vector<StackFrame> Thread::stack() const { return Vm(const_cast<Thread&>(*this)).stack(); }

SourcePos Thread::caller_pos() const {
  for (size_t i = state_->frames.size(); i-- > 0;) {
    const Frame& frame = state_->frames[i];
    if (frame.code == nullptr) continue;
    const auto next = static_cast<size_t>(frame.pc - frame.code->instructions.data());
    return frame.code->source_pos(frame.code->position_at(next == 0 ? 0 : next - 1));
  }
  return {};
}

std::string Thread::caller_name() const {
  for (size_t i = state_->frames.size(); i-- > 0;) {
    if (state_->frames[i].code != nullptr) return state_->frames[i].code->name;
  }
  return {};
}

}  // namespace mishap::starlark
