// Calls: frames, arguments of Starlark functions, native functions, limits, the call stack.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/starlark/callable.h"
#include "mishap/starlark/interpreter.h"

#include "bounds.h"
#include "vm.h"

namespace mishap::starlark {
namespace {

// Native functions that call functions that call native functions use the C++ stack.
constexpr size_t kMaxNativeDepth = 200;

// How late a cancellation or the end of the memory may be noticed.
constexpr uint64_t kStepsBetweenChecks = 32;

// Of native code.
constexpr uint64_t kItemsInAStep = 16;

void drop(Value*& top, Value* down_to) {
  while (top > down_to) (--top)->~Value();
}

}  // namespace

void FrameStack::grow() {
  const size_t old_size = begin_ == nullptr ? 0 : size();
  const size_t capacity = std::max<size_t>(64, 2 * old_size);
  auto grown = std::make_unique<Frame[]>(capacity);
  std::copy_n(begin_.get(), old_size, grown.get());
  begin_ = std::move(grown);
  end_ = begin_.get() + old_size;
  memory_end_ = begin_.get() + capacity;
  set_limit(most_);
}

bool Vm::call(const Value& callee, const CallArgs& args, Value& result) {
  if (state_.native_depth >= kMaxNativeDepth || stack_left() == 0)
    return failed(Error{"too many nested calls from native functions"});
  const size_t needed = 1 + args.positional.size() + 2 * args.keywords.size();
  if (static_cast<size_t>(state_.stack_end - state_.top) < needed)
    return failed(Error{"stack overflow"});
  Value* slot = state_.top;
  new (state_.top++) Value(callee);
  for (const Value& arg : args.positional) new (state_.top++) Value(arg);
  for (const KeywordArg& keyword : args.keywords) {
    new (state_.top++) Value(keyword.name);
    new (state_.top++) Value(keyword.value);
  }
  static const Value kNoReceiver;
  const RunningThread running(thread_);
  ++state_.native_depth;
  Entered entered =
      enter({slot, slot, &kNoReceiver, slot + 1, args.positional.size(), args.keywords.size()});
  if (entered == Entered::kFrame) entered = run() ? Entered::kDone : Entered::kFailed;
  --state_.native_depth;
  if (entered == Entered::kFailed) {
    drop(state_.top, slot);
    return false;
  }
  result = std::move(*slot);
  drop(state_.top, slot);
  return true;
}

Vm::Entered Vm::enter(const Call& call) {
  if (!within_limits() && !check_limits()) return Entered::kFailed;
  if (call.callee->kind() == Kind::kFunction)
    return enter_function(call) ? Entered::kFrame : Entered::kFailed;
  return call_native(call) ? Entered::kDone : Entered::kFailed;
}

bool Vm::enter_function(const Call& call) {
  const auto& function = call.callee->as<FunctionObject>();
  const Code& code = *function.code_;
  // The frame is checked for room before anything is put beyond the arguments.
  if (!fits(code, call.args)) return failed(Error{"stack overflow"});
  const bool quick = code.simple && call.keywords == 0 && call.positional <= code.param_count;
  if (quick ? !fill_defaults(function, call.args, call.positional) : !bind(function, call))
    return false;
  return push_frame(function, call.result, call.args);
}

bool Vm::push_frame(const FunctionObject& function, Value* result, Value* base) {
  const Code& code = *function.code_;
  if (state_.frames.size() >= thread_.depth_limit_) return failed(Error{"stack overflow"});
  if (code.active > 0 && !code.recursion && is_running(code)) {
    return failed(Error{fmt::format("function {} called recursively", code.name)});
  }
  while (state_.top < base + code.local_count) new (state_.top++) Value();
  ++code.active;
  state_.frames.push_back({&function, &code, code.instructions.data(), result, base,
                           code.constants.data(), function.module_->globals_.data(),
                           static_cast<uint32_t>(state_.iterators.size()), false});
  return true;
}

bool Vm::is_running(const Code& code) const {
  return std::any_of(state_.frames.begin(), state_.frames.end(),
                     [&](const Frame& frame) { return frame.code == &code; });
}

void Vm::pop_frame() {
  const Frame& frame = state_.frames.back();
  if (frame.code != nullptr) --frame.code->active;
  drop_iterators(frame.iterators);
  drop(state_.top, frame.result);
  state_.frames.pop_back();
}

void Vm::unwind(size_t floor) {
  while (state_.frames.size() > floor) pop_frame();
}

bool Vm::call_native(const Call& call) {
  static_assert(sizeof(KeywordArg) == 2 * sizeof(Value));
  const auto* pairs = reinterpret_cast<const KeywordArg*>(call.args + call.positional);
  const CallArgs args({call.args, call.positional}, {pairs, call.keywords});
  if (state_.frames.size() >= thread_.depth_limit_) return failed(Error{"stack overflow"});
  state_.frames.push_back({nullptr, nullptr, nullptr, call.result, call.callee, nullptr, nullptr,
                           static_cast<uint32_t>(state_.iterators.size()), false});
  Result<Value> result = [&]() -> Result<Value> {
    if (call.callee->kind() == Kind::kBuiltin) {
      const auto& builtin = call.callee->as<Builtin>();
      return builtin.invoke(thread_,
                            call.receiver->is_valid() ? *call.receiver : builtin.receiver(), args);
    }
    if (!is_callable(*call.callee)) {
      return fail(fmt::format("invalid call of non-function ({})", type_name(*call.callee)));
    }
    return call.callee->as<HostObject>().call(thread_, args);
  }();
  if (!result) {
    // What cannot be called is not a frame of the stack.
    if (!is_callable(*call.callee)) state_.frames.pop_back();
    return failed(std::move(result).error());
  }
  state_.frames.pop_back();
  drop(state_.top, call.result);
  new (state_.top++) Value(std::move(*result));
  return true;
}

// --- limits and errors

bool Vm::may_go_on(uint64_t steps) {
  if (thread_.cancelled() || steps > thread_.step_limit_ || heap_.exceeded()) return false;
  const uint64_t soon = steps + kStepsBetweenChecks;
  thread_.next_check_ =
      thread_.step_limit_ == UINT64_MAX ? soon : std::min(soon, thread_.step_limit_ + 1);
  return true;
}

bool Vm::check_limits() {
  if (may_go_on(thread_.steps_)) return true;
  std::string reason = "memory limit exceeded";
  if (thread_.cancelled()) {
    const std::lock_guard lock(state_.cancel_mutex);
    reason = "Starlark computation cancelled: " + state_.cancel_reason;
  } else if (thread_.steps_ > thread_.step_limit_) {
    reason = "Starlark computation cancelled: too many steps";
  }
  raise(Error{std::move(reason)}, true);
  return false;
}

bool Vm::count_work(uint64_t items) {
  thread_.work_ += items;
  if (thread_.work_ < kItemsInAStep) return true;
  thread_.steps_ += thread_.work_ / kItemsInAStep;
  thread_.work_ %= kItemsInAStep;
  if (thread_.steps_ < thread_.next_check_ || check_limits()) return true;
  thread_.work_ = kItemsInAStep;  // whoever goes on all the same is told again
  return false;
}

void Vm::note_work(uint64_t items) {
  thread_.work_ += items;
  thread_.steps_ += thread_.work_ / kItemsInAStep;
  thread_.work_ %= kItemsInAStep;
}

void Vm::raise(Error error, bool cancelled) {
  if (error.code == kEvaluationFailed && state_.pending) {
    // What ended a run from outside is no matter of where it was.
    if (!state_.pending->cancelled) state_.pending->message = std::move(error.message);
    return;
  }
  EvalError full;
  full.kind = DiagnosticKind::kEvaluation;
  full.message = std::move(error.message);
  full.code = error.code;
  full.cancelled = cancelled;
  full.stack = stack();
  for (const StackFrame& frame : full.stack) {
    if (frame.pos.line > 0) full.pos = frame.pos;
  }
  state_.pending = std::move(full);
}

std::vector<StackFrame> Vm::stack() const {
  std::vector<StackFrame> result;
  for (const Frame& frame : state_.frames) {
    if (frame.code == nullptr) {
      const Value& callee = *frame.base;
      result.push_back({callee.kind() == Kind::kBuiltin ? callee.as<Builtin>().name()
                                                        : std::string(type_name(callee)),
                        {}});
      continue;
    }
    const auto next = static_cast<size_t>(frame.pc - frame.code->instructions.data());
    result.push_back({frame.code->name,
                      frame.code->source_pos(frame.code->position_at(next == 0 ? 0 : next - 1))});
  }
  return result;
}

}  // namespace mishap::starlark
