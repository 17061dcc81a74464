// Executes compiled code on a thread's stack.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

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

struct Thread::State {
  State();
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Memory without values above `top`. Frames point into it, so it never moves.
  Value* stack = nullptr;
  Value* stack_end = nullptr;
  Value* top = nullptr;
  std::vector<Frame> frames;
  std::vector<Iteration> iterators;
  std::optional<EvalError> pending;
  std::vector<Value> bound;  // arguments on their way into a frame; empty between calls
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

  bool run(size_t floor);
  Entered enter(const Call& call);
  bool enter_function(const Call& call);
  bool call_native(const Call& call);
  bool push_frame(const FunctionObject& function, Value* result, Value* base);
  bool fill_defaults(const FunctionObject& function, Value* args, size_t given);
  Result<void> bind(const FunctionObject& function, const Call& call, std::vector<Value>& bound);
  Result<void> bind_keywords(const FunctionObject& function, std::span<const KeywordArg> keywords,
                             std::vector<Value>& bound, Dict* rest);
  bool is_running(const Code& code) const;
  void pop_frame();
  void unwind(size_t floor);
  bool check_limits();
  bool within_limits() {
    return ++thread_.steps_ <= thread_.step_limit_ &&
           thread_.interrupt_.load(std::memory_order_relaxed) == 0 && !heap_.exceeded();
  }

  // Slow arms of the dispatch; they work on the top of the stack and report by false that an error
  // is pending.
  bool binary_slow(BinaryOperator op, Value* top);
  bool add_text(Value* top, const uint32_t* pc, Value* base, Value* globals);
  bool inplace_add(Value* top);
  bool inplace_or(Value* top);
  bool compare_slow(Op op, Value* top, bool& result);
  bool index_slow(Value* top);
  bool load_method(const Value& name, Value*& top);
  bool unpack(size_t count, Value*& top);
  bool make_function(const Code& code, const FunctionObject& outer, Value*& top);
  bool spread_arguments(uint32_t flags, size_t& positional, size_t& keywords, Value*& top);
  bool load_module(const Value& name, const Program& program, Value*& top);
  bool load_name(const Value& name, Value*& top);
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
