// Executes compiled code on a thread's stack.
#pragma once

#include <algorithm>
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
  const Value* constants = nullptr;
  Value* globals = nullptr;
  uint32_t iterators = 0;  // of the frames below
  bool is_last = false;    // returns to native code
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
    if (end_ == memory_end_) [[unlikely]]
      grow();
    *end_++ = frame;
  }
  void pop_back() { --end_; }

  /// Whether push_unchecked may be called: there is memory, and a frame more is within the limit.
  bool has_room() const { return end_ < limit_; }
  void push_unchecked(const Frame& frame) { *end_++ = frame; }
  void set_limit(size_t frames) {
    most_ = frames;
    limit_ = begin_.get() + std::min(most_, static_cast<size_t>(memory_end_ - begin_.get()));
  }

 private:
  void grow();

  std::unique_ptr<Frame[]> begin_;
  Frame* end_ = nullptr;
  Frame* limit_ = nullptr;
  Frame* memory_end_ = nullptr;
  size_t most_ = 0;
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

  /// Runs the innermost frame until it returns.
  bool run();
  /// The call of a native function by its short cut, if it has one that does; counts as a step.
  bool quick_call(const Value& callee, const Value& receiver, std::span<const Value> args,
                  Value& raw_result) {
    if (callee.kind() != Kind::kBuiltin) return false;
    const auto& builtin = callee.as<Builtin>();
    if (builtin.quick() == nullptr) return false;
    if (thread_.steps_ + 1 >= thread_.next_check_ && !may_go_on(thread_.steps_ + 1)) [[unlikely]]
      return false;
    auto* result = new (&raw_result) Value();
    const Value& self = receiver.is_valid() ? receiver : builtin.receiver();
    if (!builtin.quick()(heap_, self, args, *result)) return false;
    ++thread_.steps_;
    return true;
  }
  Entered enter(const Call& call);
  /// Whether bind_named can do with the call; else name_arguments makes it one like any other.
  bool can_bind(const CallSite& site, const FunctionObject& function) const {
    return site.serial == function.code_->serial || learn(site, *function.code_);
  }
  bool learn(const CallSite& site, const Code& code) const;
  bool bind_named(const CallSite& site, const FunctionObject& function, Value* args);
  bool name_arguments(const CallSite& site);
  bool bind_positional(const FunctionObject& function, Value* args, size_t given);
  Dict* lay_out(const Code& code, Value* args, size_t positional);
  bool enter_function(const Call& call);
  bool call_native(const Call& call);
  bool push_frame(const FunctionObject& function, Value* result, Value* base);
  bool bind(const FunctionObject& function, const Call& call);
  bool bind_keywords(const Code& code, Value* args, Dict* rest);
  bool fill_defaults(const FunctionObject& function, Value* args, size_t positional);
  bool is_running(const Code& code) const;
  /// Whether a frame whose arguments are from `args` on can be pushed without a look at more.
  bool can_push_frame(const Code& code, const Value* args) const {
    return (code.active == 0 || code.recursion) && state_.frames.has_room() && fits(code, args);
  }
  bool fits(const Code& code, const Value* args) const {
    return static_cast<size_t>(state_.stack_end - args) >= code.local_count + code.max_stack;
  }
  void drop_iterators(size_t down_to) {
    while (state_.iterators.size() > down_to) state_.iterators.pop_back();
  }
  void pop_frame();
  void unwind(size_t floor);
  bool check_limits();
  /// Whether the limits allow so many steps; then says when to look at them again.
  bool may_go_on(uint64_t steps);
  /// Counts a step. The limits are looked at every few steps, and when this says false.
  bool within_limits() { return ++thread_.steps_ < thread_.next_check_; }

  // Slow arms of the dispatch; they work on the top of the stack and report by false that an error
  // is pending.
  bool binary_slow(BinaryOperator op, Value* top);
  bool modulo_slow(Value* top);
  // `variable`: where the result will go; null when that is no simple variable.
  bool add_slow(Value* top, Value* variable);
  bool inplace_add(Value* top, Value* variable);
  bool add_to_variable(Value* top, Value* variable);
  bool add_text(Value* top, Value* variable);
  bool inplace_or(Value* top);
  bool inplace_set(BinaryOperator op, Value* top);
  Compared compare_slow(Op op, const Value* top);
  bool is_in(Value* top, bool wanted);
  bool index_slow(Value* top);
  bool store_index_slow(Value* top);
  bool insert_slow(Value* top, bool must_be_new);
  // These change the stack's top, too: state_.top.
  bool next_of_host(Iteration& iteration);
  bool load_method(const Code& code, uint32_t name);
  bool unpack(size_t count);
  bool make_function(const Code& code, const FunctionObject& outer);
  bool spread_arguments(uint32_t flags, size_t& positional, size_t& keywords);
  bool load_module(const Value& name, const Program& program);
  bool load_name(const Value& name);
  bool unbound(const char* what, std::string_view name);
  bool unbound_left(std::string_view name);
  bool failed(Error error) {
    raise(std::move(error));
    return false;
  }

  Thread& thread_;
  Thread::State& state_;
  Heap& heap_;
};

}  // namespace mishap::starlark
