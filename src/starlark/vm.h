// Executes compiled code on a thread's stack.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "mishap/starlark/callable.h"
#include "mishap/starlark/function.h"
#include "mishap/starlark/module.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

#include "code.h"

namespace mishap::starlark {

/// A call in progress: of a Starlark function, or of something native (no code).
struct Frame {
  const FunctionObject* function = nullptr;
  const Code* code = nullptr;
  const uint32_t* pc = nullptr;  // the next instruction, as of the last call or error
  Value* result = nullptr;       // where the callee was and the result goes
  Value* base = nullptr;         // first local
  size_t iterators = 0;          // of the frames below
};

/// The calls in progress, innermost last.
class FrameStack {
 public:
  FrameStack() { grow(); }
  bool empty() const { return end_ == begin_.get(); }
  size_t size() const { return static_cast<size_t>(end_ - begin_.get()); }
  Frame& back() { return end_[-1]; }
  const Frame& operator[](size_t index) const { return begin_[index]; }
  const Frame* begin() const { return begin_.get(); }
  const Frame* end() const { return end_; }
  void push_back(const Frame& frame) {
    if (end_ == limit_) [[unlikely]]
      grow();
    *end_++ = frame;
  }
  void pop_back() { --end_; }

 private:
  void grow();

  std::unique_ptr<Frame[]> begin_;
  Frame* end_ = nullptr;
  Frame* limit_ = nullptr;
};

struct Thread::State {
  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Memory without values above `top`. Frames point into it, so it never moves.
  Value* stack = nullptr;
  Value* stack_end = nullptr;
  Value* top = nullptr;
  FrameStack frames;
  std::vector<Iteration> iterators;
  std::optional<EvalError> pending;
  std::vector<Value> keywords;  // names and values on their way into a frame; empty between calls
  Value empty_tuple;            // what *args is when nothing is left for it
  size_t native_depth = 0;
  std::mutex cancel_mutex;  // cancel() comes from other threads
  std::string cancel_reason;
};

class Vm {
 public:
  explicit Vm(Thread& thread) : thread_(thread), state_(*thread.state_), heap_(thread.heap()) {}

  /// Calls `callee` with the arguments on the thread's stack. False: the error is pending.
  bool call(const Value& callee, const CallArgs& args, Value& result);
  std::vector<StackFrame> stack() const;
  /// Makes `error` the pending one, with the call stack of now if it has none of its own.
  void raise(Error error, bool cancelled = false);
  /// See bounds.h. False: a limit was reached, and its error is pending.
  bool count_work(uint64_t items);
  /// The same without looking at the limits: that is done at the next step.
  void note_work(uint64_t items);
  /// Stands for the pending error in what native code returns.
  Error pending_error() const { return {state_.pending->message, kEvaluationFailed}; }

 private:
  // A callee with its arguments on the stack: positional from `args` on, then `keywords` pairs,
  // ending at the top.
  struct Call {
    Value* result;
    Value* callee;
    const Value* receiver;
    Value* args;
    size_t positional;
    size_t keywords;
  };
  enum class Entered { kFailed, kFrame, kDone };
  enum class Compared { kFailed, kFalse, kTrue };

  bool run(size_t floor);
  /// The call of a native function by its short cut, if it has one that does; counts as a step.
  bool quick_call(const Value& callee, const Value& receiver, std::span<const Value> args,
                  Value& raw_result) {
    if (callee.kind() != Kind::kBuiltin) return false;
    const auto& builtin = callee.as<Builtin>();
    if (builtin.quick() == nullptr || thread_.steps_ + 1 >= thread_.next_check_) return false;
    auto* result = new (&raw_result) Value();
    const Value& self = receiver.is_valid() ? receiver : builtin.receiver();
    if (!builtin.quick()(heap_, self, args, *result)) return false;
    ++thread_.steps_;
    return true;
  }
  Entered enter(const Call& call);
  bool enter_function(const Call& call);
  bool call_native(const Call& call);
  bool push_frame(const FunctionObject& function, Value* result, Value* base);
  bool bind(const FunctionObject& function, const Call& call);
  bool bind_keywords(const Code& code, Value* args, Dict* rest);
  bool fill_defaults(const FunctionObject& function, Value* args, size_t positional);
  bool is_running(const Code& code) const;
  /// Whether a call with so many arguments by position, from `args` on, needs no more than a frame.
  bool can_enter(const Code& code, size_t given, const Value* args) const {
    return code.simple && given <= code.param_count &&
           given + code.default_count >= code.param_count && (code.active == 0 || code.recursion) &&
           state_.frames.size() < thread_.depth_limit_ &&
           static_cast<size_t>(state_.stack_end - args) >= code.local_count + code.max_stack;
  }
  void drop_iterators(size_t down_to) {
    while (state_.iterators.size() > down_to) state_.iterators.pop_back();
  }
  void pop_frame();
  void unwind(size_t floor);
  bool check_limits();
  /// Counts a step. The limits are looked at every few steps, and when this says false.
  bool within_limits() { return ++thread_.steps_ < thread_.next_check_; }

  // Slow arms of the dispatch; they work on the top of the stack and report by false that an error
  // is pending.
  bool binary_slow(BinaryOperator op, Value* top);
  bool add_text(Value* top, const uint32_t* pc, Value* base, Value* globals);
  bool inplace_add(Value* top);
  bool inplace_or(Value* top);
  bool inplace_set(BinaryOperator op, Value* top);
  Compared compare_slow(Op op, const Value* top);
  bool index_slow(Value* top);
  // These change the stack's top, too: state_.top.
  bool load_method(const Code& code, uint32_t name);
  bool unpack(size_t count);
  bool make_function(const Code& code, const FunctionObject& outer);
  bool spread_arguments(uint32_t flags, size_t& positional, size_t& keywords);
  bool load_module(const Value& name, const Program& program);
  bool load_name(const Value& name);
  bool unbound(const char* what, std::string_view name);
  bool failed(Error error) {
    raise(std::move(error));
    return false;
  }

  Thread& thread_;
  Thread::State& state_;
  Heap& heap_;
};

}  // namespace mishap::starlark
