#include "conformance_names.h"

#include <map>
#include <memory>

#include <fmt/format.h>
#include <re2/re2.h>

#include "mishap/starlark/struct.h"

#include "lib.h"
#include "spelling.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

// The value of hasfields(): any field can be set, until it is frozen, but those whose names begin
// with "no": what a type says of fields that it does not have can be tried with them.
class HasFields final : public HostObject {
 public:
  std::string_view type_name() const override { return "hasfields"; }
  void append_repr(std::string& out) const override { out += "hasfields"; }

  Result<Value> attr(Thread&, std::string_view name) override {
    const auto found = fields_.find(name);
    return found == fields_.end() ? Value() : found->second;
  }

  std::vector<std::string> attr_names() const override {
    std::vector<std::string> names;
    names.reserve(fields_.size());
    for (const auto& [name, value] : fields_) names.push_back(name);
    return names;
  }

  Result<void> set_attr(Thread&, std::string_view name, const Value& value) override {
    if (frozen()) return fail("cannot set field on a frozen hasfields");
    if (name.starts_with("no")) {
      std::string message = fmt::format("no .{} field", name);
      if (const auto near = nearest_name(name, attr_names()))
        message += fmt::format(" (did you mean .{}?)", *near);
      return fail(std::move(message));
    }
    fields_.insert_or_assign(std::string(name), value);
    return {};
  }

  // `list + hasfields` is 42, so that scripts can try += with a right operand that has an operator
  // of its own.
  Result<Value> binary(Thread&, BinaryOperator op, const Value& other, bool reversed) override {
    if (op == BinaryOperator::kAdd && reversed && other.is_list()) return Value::integer(42);
    return Value();
  }

  void visit_children(const ValueVisitor& visit) override {
    for (auto& [name, value] : fields_) visit(value);
  }

 private:
  std::map<std::string, Value, std::less<>> fields_;
};

class FibonacciIterator final : public HostIterator {
 public:
  Result<Value> next(Thread& thread) override {
    Value result = thread.heap().integer(BigInt(a_));
    BigInt sum = a_ + b_;
    a_ = std::move(b_);
    b_ = std::move(sum);
    return result;
  }

 private:
  BigInt a_{0};
  BigInt b_{1};
};

// An iterable without end: whoever reads all of it loops for ever.
class Fibonacci final : public HostObject {
 public:
  std::string_view type_name() const override { return "fibonacci"; }
  void append_repr(std::string& out) const override { out += "fibonacci"; }
  bool iterable() const override { return true; }
  std::unique_ptr<HostIterator> iterate(Thread&) override {
    return std::make_unique<FibonacciIterator>();
  }
};

// The functions of assert.star. They report and go on, as tests do.
class Assertions {
 public:
  Assertions(std::string script, AssertionSink sink)
      : script_(std::move(script)), sink_(std::move(sink)) {}

  void fail(const CallContext& call, std::string message) const {
    int line = 0;
    for (const StackFrame& frame : call.thread().stack()) {
      if (frame.pos.file == script_ && frame.pos.line > 0) line = frame.pos.line;
    }
    sink_(line, std::move(message));
  }

 private:
  std::string script_;
  AssertionSink sink_;
};

Result<bool> text_matches(const CallContext& call, std::string_view pattern,
                          std::string_view text) {
  const RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), RE2::Quiet);
  if (!regex.ok()) return call.error(fmt::format("bad regular expression: {}", regex.error()));
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

Result<Value> matches(CallContext& call) {
  MISHAP_ASSIGN(const bool found, text_matches(call, call.text(0), call.text(1)));
  return Value::boolean(found);
}

// The message of the error that calling `function` ends with; nullopt when it succeeds.
Result<std::optional<std::string>> error_of(CallContext& call, const Value& function) {
  auto outcome = call.thread().call(function);
  if (outcome) return std::optional<std::string>();
  EvalError error = call.thread().take_error(std::move(outcome).error());
  if (error.cancelled) return call.thread().rethrow(std::move(error));
  return std::optional(std::move(error.message));
}

Result<Value> catch_error(CallContext& call) {
  MISHAP_ASSIGN(const auto message, error_of(call, call[0]));
  return message ? call.heap().string(*message) : Value::none();
}

using AssertionBody = Result<Value> (*)(const Assertions&, CallContext&);

Result<Value> assert_eq(const Assertions& assertions, CallContext& call) {
  MISHAP_ASSIGN(const bool same, equals(call[0], call[1]));
  if (!same) assertions.fail(call, fmt::format("{} != {}", repr(call[0]), repr(call[1])));
  return Value::none();
}

Result<Value> assert_ne(const Assertions& assertions, CallContext& call) {
  MISHAP_ASSIGN(const bool same, equals(call[0], call[1]));
  if (same) assertions.fail(call, fmt::format("{} == {}", repr(call[0]), repr(call[1])));
  return Value::none();
}

Result<Value> assert_true(const Assertions& assertions, CallContext& call) {
  if (!truth(call[0])) assertions.fail(call, call.has(1) ? str(call[1]) : "assertion failed");
  return Value::none();
}

Result<Value> assert_lt(const Assertions& assertions, CallContext& call) {
  MISHAP_ASSIGN(const int order, compare(call[0], call[1]));
  if (order >= 0) {
    assertions.fail(call, fmt::format("{} is not less than {}", repr(call[0]), repr(call[1])));
  }
  return Value::none();
}

Result<Value> assert_contains(const Assertions& assertions, CallContext& call) {
  MISHAP_ASSIGN(const bool found, contains(call.thread(), call[0], call[1]));
  if (!found)
    assertions.fail(call, fmt::format("{} does not contain {}", repr(call[0]), repr(call[1])));
  return Value::none();
}

Result<Value> assert_fails(const Assertions& assertions, CallContext& call) {
  MISHAP_ASSIGN(const auto message, error_of(call, call[0]));
  if (!message) {
    assertions.fail(call, fmt::format("evaluation succeeded unexpectedly (want error matching {})",
                                      repr(call[1])));
    return Value::none();
  }
  MISHAP_ASSIGN(const bool found, text_matches(call, call.text(1), *message));
  if (!found) {
    assertions.fail(call, fmt::format("regular expression ({}) did not match error ({})",
                                      call.text(1), *message));
  }
  return Value::none();
}

Result<Value> assert_fail(const Assertions& assertions, CallContext& call) {
  assertions.fail(call, str(call[0]));
  return Value::none();
}

Value make_assert(Heap& heap, std::shared_ptr<const Assertions> assertions) {
  Struct::Fields fields;
  const auto add = [&](Signature signature, AssertionBody body) {
    std::string name = signature.name();
    fields.emplace_back(
        name, make_builtin(heap, std::move(signature), [assertions, body](CallContext& call) {
          return body(*assertions, call);
        }));
  };
  const auto two = [](std::string name) {
    return Signature(std::move(name)).required("x").required("y");
  };
  add(two("eq"), assert_eq);
  add(two("ne"), assert_ne);
  add(two("lt"), assert_lt);
  add(two("contains"), assert_contains);
  add(Signature("true").required("cond").optional("msg"), assert_true);
  add(Signature("fails").required("f").required("pattern", types::kString), assert_fails);
  add(Signature("fail").required("message"), assert_fail);
  return heap.make<Struct>(std::move(fields));
}

}  // namespace

void install_conformance_names(Interpreter& interpreter, const std::string& script,
                               AssertionSink sink) {
  Heap& heap = interpreter.heap();
  // Shared by the functions of `assert`; the last of them ends it.
  const auto assertions = std::make_shared<const Assertions>(script, std::move(sink));
  const Value catch_function = make_builtin(heap, Signature("catch").required("f"), catch_error);
  const Value matches_function = make_builtin(
      heap, Signature("matches").required("pattern", types::kString).required("s", types::kString),
      matches);
  const Value freeze_function =
      make_builtin(heap, Signature("freeze").required("x"), [](CallContext& call) -> Result<Value> {
        freeze(call[0]);
        return call[0];
      });
  interpreter.add_module("assert.star", {{"assert", make_assert(heap, assertions)},
                                         {"freeze", freeze_function},
                                         {"catch", catch_function},
                                         {"matches", matches_function}});
  interpreter.add_module("json.star", {{"json", make_json_module(heap)}});
  interpreter.add_module("math.star", {{"math", make_math_module(heap)}});
  interpreter.add_module("time.star", {{"time", make_time_module(heap)}});
  interpreter.predeclare("struct", make_struct_function(heap));
  interpreter.predeclare("catch", catch_function);
  interpreter.predeclare("matches", matches_function);
  interpreter.predeclare("fibonacci", heap.make<Fibonacci>());
  interpreter.predeclare("hasfields", make_builtin(heap, Signature("hasfields"),
                                                   [](CallContext& call) -> Result<Value> {
                                                     return call.heap().make<HasFields>();
                                                   }));
}

}  // namespace mishap::starlark
