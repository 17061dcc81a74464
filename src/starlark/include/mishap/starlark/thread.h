// Running Starlark code: one Thread per task.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/base/source_pos.h"
#include "mishap/starlark/callable.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

class Interpreter;
class Vm;

/// Why a program could not be compiled, or how its evaluation ended; traceback() and render() of
/// diagnostic.h show it. The frames of native functions have no position; `pos` is the innermost
/// that has one.
struct EvalError : Diagnostic {
  std::vector<Diagnostic> more;  ///< further problems of a file that does not compile
  int code = 0;            ///< Error::code of the native function that failed, 0 for all others
  bool cancelled = false;  ///< ended by Thread::cancel or by a limit: not to be caught
};

using Outcome = tl::expected<Value, EvalError>;

/// The Error::code of an error that passed through Starlark code: the thread keeps its full
/// EvalError (Thread::take_error).
inline constexpr int kEvaluationFailed = -100000;

/// Executes calls. Its own steps, stack and limits; shares the interpreter's heap. Native code
/// called from it may call back into it at any depth. All but cancel() belongs to the task that
/// holds the interpreter.
class Thread {
 public:
  explicit Thread(Interpreter& interpreter, std::string name = "main");
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  /// Calls a function from outside: the full error comes back.
  Outcome run(const Value& function, const CallArgs& args = {});
  Outcome run(const Value& function, std::initializer_list<Value> args) {
    return run(function, CallArgs(std::span(args.begin(), args.size())));
  }
  /// Calls a function from native code: the error can be passed on with MISHAP_TRY and keeps its
  /// stack. Context added to the message is kept too.
  Result<Value> call(const Value& function, const CallArgs& args = {});
  Result<Value> call(const Value& function, std::initializer_list<Value> args) {
    return call(function, CallArgs(std::span(args.begin(), args.size())));
  }
  /// The full form of an error that call() gave and that will not be passed on.
  EvalError take_error(Error error);
  /// Ends the native function that returns it with exactly this error, stack included.
  tl::unexpected<Error> rethrow(EvalError error);

  Interpreter& interpreter() const { return interpreter_; }
  Heap& heap() const;
  const std::string& name() const { return name_; }
  /// The embedder's own.
  void* user = nullptr;
  /// Where print() goes; default: the interpreter's.
  std::function<void(Thread&, std::string_view)> print;

  /// 0: no limit. Calls and loop iterations count as steps, and so do every sixteenth item that
  /// native code walks over, compares, hashes or prints, every kilobyte of what it copies or
  /// searches at once, and arithmetic on long integers by their length.
  void set_step_limit(uint64_t steps) {
    step_limit_ = steps == 0 ? UINT64_MAX : steps;
    next_check_ = 0;
  }
  uint64_t steps() const { return steps_; }
  /// Frames of Starlark functions, at most; default 1000. Too deep is an error, never a crash.
  void set_depth_limit(size_t frames);
  /// From any thread: ends the evaluation at its next step with "Starlark computation cancelled:
  /// REASON".
  void cancel(std::string reason);
  bool cancelled() const { return interrupt_.load(std::memory_order_relaxed) != 0; }
  void clear_cancel();

  /// The call stack now, outermost first.
  std::vector<StackFrame> stack() const;
  /// Position of the innermost Starlark call: for a native function, the place that calls it. Line
  /// 0 when there is none.
  SourcePos caller_pos() const;
  /// Name of the innermost Starlark function, "" when there is none.
  std::string caller_name() const;

 private:
  friend class Vm;
  friend class Builtin;
  struct State;

  Interpreter& interpreter_;
  std::string name_;
  uint64_t steps_ = 0;
  uint64_t work_ = 0;  // items that native code dealt with and that are no whole step yet
  uint64_t step_limit_ = UINT64_MAX;
  uint64_t next_check_ = 0;  // the step before which the limits are looked at again
  size_t depth_limit_ = 1000;
  std::atomic<uint32_t> interrupt_{0};
  std::unique_ptr<State> state_;
};

}  // namespace mishap::starlark
