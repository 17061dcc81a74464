#include <gmock/gmock.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing::ElementsAre;
using testing_support::Running;

class Functions : public testing::Test {
 protected:
  // Predeclares a builtin that shows what it was given.
  void offer(Signature signature) {
    const size_t count = signature.params().size();
    std::string name = signature.name();
    running_.interpreter.predeclare(
        std::move(name),
        make_builtin(heap_, std::move(signature), [count](CallContext& call) -> Result<Value> {
          std::vector<Value> seen;
          seen.reserve(count);
          for (size_t i = 0; i < count; ++i) {
            seen.push_back(call.has(i) ? call[i] : call.heap().string("-"));
          }
          seen.push_back(call.heap().tuple(call.varargs()));
          for (const KeywordArg& keyword : call.kwargs()) {
            seen.push_back(call.heap().tuple({keyword.name, keyword.value}));
          }
          return call.heap().tuple(seen);
        }));
  }

  Running running_;
  Heap& heap_ = running_.interpreter.heap();
};

TEST_F(Functions, BindArguments) {
  const std::string def =
      "def f(a, b = 2, *args, c, d = 4, **kwargs): return (a, b, args, c, d, kwargs)\nresult = ";
  EXPECT_EQ(running_.result(def + "f(1, c = 3)"), "(1, 2, (), 3, 4, {})");
  EXPECT_EQ(running_.result(def + "f(1, 5, 6, 7, c = 3, d = 8, e = 9)"),
            "(1, 5, (6, 7), 3, 8, {\"e\": 9})");
  EXPECT_EQ(running_.result(def + "f(*[1, 5, 6], **{\"c\": 3, \"z\": 0})"),
            "(1, 5, (6,), 3, 4, {\"z\": 0})");
  EXPECT_EQ(running_.result(def + "f(0, c = 1, *(2, 3), **{\"x\": 4})"),
            "(0, 2, (3,), 1, 4, {\"x\": 4})");
  EXPECT_EQ(running_.result(def + "f()"), "error: 2:11: function f missing 2 arguments (a, c)");
  EXPECT_EQ(running_.result("def g(*, a = 1, b): return (a, b)\nresult = g(b = 2)"), "(1, 2)");
  EXPECT_EQ(running_.error("def g(*, a = 1, b): return (a, b)\ng()"),
            "function g missing 1 argument (b)");
}

TEST_F(Functions, OneCallOfMany) {
  // The same call by name goes to functions with different parameters, back and forth.
  EXPECT_EQ(running_.result(R"(
def f(a, b, c = 3): return (a, b, c)
def g(b, a): return (b, a)
def h(*args, **kwargs): return (args, kwargs)
def k(x, *, b): return (x, b)
l = lambda x, b, **rest: (x, b, rest)
result = [each(1, b = 2) for each in (f, k, h, f, l, k)]
)"),
            "[(1, 2, 3), (1, 2), ((1,), {\"b\": 2}), (1, 2, 3), (1, 2, {}), (1, 2)]");
  EXPECT_EQ(running_.result(R"(
def f(a, b, c = 3): return (a, b, c)
def g(b, a): return (b, a)
def h(a): return a
result = [each(1, b = 2) for each in (f, g, f)]
)"),
            "error: 5:15: function g got multiple values for parameter \"b\"");
  EXPECT_EQ(running_.result(R"(
def f(a, b, c = 3): return (a, b, c)
def h(a): return a
result = [each(1, b = 2) for each in (f, h, f)]
)"),
            "error: 4:15: function h got an unexpected keyword argument \"b\"");
  EXPECT_EQ(running_.result(R"(
def f(a, b, c): return (a, b, c)
result = [f(1, b = 2, c = c) for c in (3, 4)] + [dict(x = 1, y = 2)]
)"),
            "[(1, 2, 3), (1, 2, 4), {\"x\": 1, \"y\": 2}]");
  EXPECT_EQ(running_.result("def f(a, b, c): return a\nresult = f(1, c = 2)"),
            "error: 2:11: function f missing 1 argument (b)");
}

TEST_F(Functions, CallsOfManyNames) {
  std::string params;
  std::string given;
  for (int i = 0; i < 20; ++i) {
    params += fmt::format("p{} = 0, ", i);
    given += fmt::format("p{} = {}, ", 19 - i, 19 - i);
  }
  const std::string call = fmt::format("result = [f({}) for _ in range(2)][1]", given);
  const std::string all = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]";
  EXPECT_EQ(
      running_.result(fmt::format("def f({}): return [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, "
                                  "p10, p11, p12, p13, p14, p15, p16, p17, p18, p19]\n{}",
                                  params, call)),
      all);
  EXPECT_EQ(running_.result("def f(**kwargs): return sorted(kwargs.values())\n" + call), all);
}

TEST_F(Functions, KeywordsOfEachCallAreItsOwn) {
  EXPECT_EQ(running_.result(R"(
def f(a, *args, **kwargs):
    kwargs["n"] = a
    return kwargs
result = [f(i) for i in range(2)] + [f(i, x = i) for i in range(2)] + [f(1, 2, 3)]
)"),
            "[{\"n\": 0}, {\"n\": 1}, {\"x\": 0, \"n\": 0}, {\"x\": 1, \"n\": 1}, {\"n\": 1}]");
}

TEST_F(Functions, SayWhatIsWrongWithArguments) {
  EXPECT_EQ(running_.error("def f(): pass\nf(1, x = 2)"),
            "function f accepts no arguments (2 given)");
  EXPECT_EQ(running_.error("def f(a): pass\nf(1, 2)"),
            "function f accepts 1 positional argument (2 given)");
  EXPECT_EQ(running_.error("def f(a, b = 1): pass\nf(1, 2, 3)"),
            "function f accepts at most 2 positional arguments (3 given)");
  EXPECT_EQ(running_.error("def f(name): pass\nf(nmae = 1)"),
            "function f got an unexpected keyword argument \"nmae\"; did you mean \"name\"?");
  EXPECT_EQ(running_.error("def f(a): pass\nf(1, a = 2)"),
            "function f got multiple values for parameter \"a\"");
  EXPECT_EQ(running_.error("def f(**kw): pass\nf(a = 1, **{\"a\": 2})"),
            "function f got multiple values for parameter \"a\"");
  EXPECT_EQ(running_.error("def f(*a): pass\nf(*1)"), "argument after * must be iterable, not int");
  EXPECT_EQ(running_.error("def f(**a): pass\nf(**[])"),
            "argument after ** must be a mapping, not list");
  EXPECT_EQ(running_.error("def f(**a): pass\nf(**{1: 2})"), "keywords must be strings, not int");
}

TEST_F(Functions, CloseOverVariables) {
  EXPECT_EQ(running_.result(
                "def counter():\n  n = [0]\n  def add(by = 1):\n    n[0] += by\n    return n[0]\n"
                "  return add\nc = counter()\nc()\nresult = (c(4), counter()())"),
            "(5, 1)");
  EXPECT_EQ(running_.result("def f(x):\n  def g():\n    def h(): return x\n    return h\n  x += 1\n"
                            "  return g()()\nresult = f(1)"),
            "2");
  EXPECT_EQ(running_.result(
                "def f():\n  return [g() for g in [lambda: x for x in range(3)]]\nresult = f()"),
            "[2, 2, 2]");
  EXPECT_EQ(running_.result("def f(a = []):\n  return a\nresult = f() == f()"), "True");
}

TEST_F(Functions, RecursionIsForTheDialect) {
  const std::string_view fact = "def f(n): return 1 if n == 0 else n * f(n - 1)\nresult = f(20)";
  EXPECT_EQ(running_.result(fact), "2432902008176640000");
  Running plain{Dialect{}};
  EXPECT_EQ(plain.result(fact), "error: 1:40: function f called recursively");
  EXPECT_EQ(
      plain.error(
          "def f(x): return sorted([1, 2], key = lambda k: g(k))\ndef g(x): return f(x)\nf(1)"),
      "function f called recursively");
}

TEST_F(Functions, CanBeLookedAt) {
  LoadedModule* module =
      running_.module("def f(a, b = 2, *rest, c, **kw):\n  \"What it does.\"\n  pass\n");
  ASSERT_NE(module, nullptr);
  const Value value = module->global("f");
  const auto& function = value.as<FunctionObject>();
  EXPECT_EQ(function.name(), "f");
  EXPECT_EQ(function.doc(), "What it does.");
  EXPECT_EQ(function.pos().text(), "f.star:1:1");
  std::vector<std::string> params;
  for (const auto& param : function.params()) {
    params.push_back(
        fmt::format("{}{}{}", param.keyword_only ? "*" : "", param.name,
                    param.default_value.is_valid() ? "=" + repr(param.default_value) : ""));
  }
  EXPECT_THAT(params, ElementsAre("a", "b=2", "*c"));
  EXPECT_TRUE(function.has_varargs());
  EXPECT_TRUE(function.has_kwargs());
  EXPECT_EQ(&function.module(), module);
}

TEST_F(Functions, NativeOnesBindByDeclaration) {
  offer(Signature("f")
            .required("name", types::kString)
            .optional("count", types::kInt)
            .nullable("sep", types::kString));
  EXPECT_EQ(running_.value("f(\"x\")"), "(\"x\", \"-\", \"-\", ())");
  EXPECT_EQ(running_.value("f(count = 3, name = \"x\")"), "(\"x\", 3, \"-\", ())");
  EXPECT_EQ(running_.value("f(\"x\", 1, None)"), "(\"x\", 1, \"-\", ())");
  EXPECT_EQ(running_.value("f(\"x\", sep = None)"), "(\"x\", \"-\", \"-\", ())");
  EXPECT_EQ(running_.value("f()"), "error: 1:2: f: missing argument for name");
  EXPECT_EQ(running_.value("f(1)"), "error: 1:2: f: for parameter name: got int, want string");
  EXPECT_EQ(running_.value("f(\"x\", count = \"y\")"),
            "error: 1:2: f: for parameter count: got string, want int");
  EXPECT_EQ(running_.value("f(\"x\", 1, sep = 2)"),
            "error: 1:2: f: for parameter sep: got int, want string or None");
  EXPECT_EQ(running_.value("f(nmae = 1)"),
            "error: 1:2: f: unexpected keyword argument \"nmae\"; did you mean \"name\"?");
  EXPECT_EQ(running_.value("f(\"x\", name = \"y\")"),
            "error: 1:2: f: got multiple values for keyword argument \"name\"");
  EXPECT_EQ(running_.value("f(1, 2, 3, 4)"), "error: 1:2: f: got 4 arguments, want at most 3");
}

TEST_F(Functions, NativeOnesWithStars) {
  offer(Signature("f").required("a").positional_only().varargs().optional("key").kwargs());
  EXPECT_EQ(running_.value("f(1, 2, 3, key = 4, z = 5)"), "(1, 4, (2, 3), (\"z\", 5))");
  EXPECT_EQ(running_.value("f(1, a = 2)"), "(1, \"-\", (), (\"a\", 2))");
  offer(Signature("g").required("a").required("b").positional_only());
  EXPECT_EQ(running_.value("g(1)"), "error: 1:2: g: missing argument for b");
  EXPECT_EQ(running_.value("g(1, 2, 3)"), "error: 1:2: g: got 3 arguments, want 2");
  EXPECT_EQ(running_.value("g(1, b = 3)"),
            "error: 1:2: g: b is given by position: write its value without b=");
  offer(Signature("k").keyword_only().required("port", types::kInt));
  EXPECT_EQ(running_.value("k(1)"),
            "error: 1:2: k: unexpected positional arguments; name them, as in port=…");
  EXPECT_EQ(running_.value("k(port = 1)"), "(1, ())");
  offer(Signature("c")
            .required("fn", types::kCallable | types::kNone)
            .optional("items", types::kIterable));
  EXPECT_EQ(running_.value("c(1)"),
            "error: 1:2: c: for parameter fn: got int, want callable or None");
  EXPECT_EQ(running_.value("c(len, \"abc\")"),
            "error: 1:2: c: for parameter items: got string, want iterable");
}

TEST_F(Functions, NativeOnesCallBack) {
  running_.interpreter.predeclare(
      "twice", make_builtin(heap_, Signature("twice").required("fn", types::kCallable),
                            [](CallContext& call) -> Result<Value> {
                              MISHAP_ASSIGN(const Value first,
                                            call.thread().call(call[0], {Value::integer(1)}));
                              MISHAP_ASSIGN(Value second, call.thread().call(call[0], {first}));
                              return second;
                            }));
  EXPECT_EQ(running_.value("twice(lambda x: x + 10)"), "21");
  const ModuleOutcome failed = running_.interpreter.execute(
      running_.thread, {"f.star", "def bad(x):\n  return 1 // 0\ntwice(bad)"});
  ASSERT_FALSE(failed);
  std::vector<std::string> frames;
  for (const StackFrame& frame : failed.error().stack)
    frames.push_back(frame.function + " " + frame.pos.text());
  EXPECT_THAT(frames, ElementsAre("<toplevel> f.star:3:6", "twice ", "bad f.star:2:12"));
  EXPECT_EQ(failed.error().message, "floored division by zero");
}

TEST_F(Functions, NativeOnesKnowTheirCaller) {
  std::string caller;
  running_.interpreter.predeclare(
      "who", make_builtin(heap_, Signature("who"), [&](CallContext& call) -> Result<Value> {
        caller = call.thread().caller_name() + " " + call.thread().caller_pos().text();
        return Value::none();
      }));
  running_.module("def f():\n  who()\nf()");
  EXPECT_EQ(caller, "f f.star:2:6");
}

TEST_F(Functions, NestTooDeepWithoutCrashing) {
  EXPECT_EQ(running_.error("def f(n): return f(n + 1)\nf(0)"), "stack overflow");
  EXPECT_EQ(running_.error("def f(n): return sorted([n, n], key = f)\nf(0)"),
            "too many nested calls from native functions");
}

class Point final : public HostObject {
 public:
  Point(int64_t x, Value held) : x_(x), held_(std::move(held)) {}
  std::string_view type_name() const override { return "point"; }
  Result<Value> attr(Thread&, std::string_view name) override {
    if (name == "x") return Value::integer(x_);
    return name == "held" ? held_ : Value();
  }
  std::vector<std::string> attr_names() const override { return {"x", "held"}; }
  Result<Value> binary(Thread& thread, BinaryOperator op, const Value& other, bool) override {
    const auto* point = host_cast<Point>(other);
    if (op != BinaryOperator::kAdd || point == nullptr) return Value();
    return thread.heap().make<Point>(x_ + point->x_, Value::none());
  }
  Result<std::optional<int>> order(const HostObject& other, int) const override {
    const auto* point = dynamic_cast<const Point*>(&other);
    if (point == nullptr) return std::optional<int>();
    return x_ < point->x_ ? -1 : x_ > point->x_ ? 1 : 0;
  }
  void visit_children(const ValueVisitor& visit) override { visit(held_); }

 private:
  int64_t x_;
  Value held_;
};

TEST_F(Functions, HostObjectsTakePart) {
  running_.interpreter.predeclare("p", heap_.make<Point>(3, heap_.list()));
  EXPECT_EQ(running_.value("[p, type(p), p.x, (p + p).x, p < p + p, p == p, bool(p)]"),
            "[<point>, \"point\", 3, 6, True, True, True]");
  EXPECT_EQ(running_.value("p.xx"),
            "error: 1:2: point has no .xx field or method (did you mean .x?)");
  EXPECT_EQ(running_.value("p + 1"), "error: 1:3: unknown binary op: point + int");
  EXPECT_EQ(running_.value("p < 1"), "error: 1:3: point < int not implemented");
  EXPECT_EQ(running_.value("p()"), "error: 1:2: invalid call of non-function (point)");
  EXPECT_EQ(running_.value("p[0]"), "error: 1:2: unhandled index operation point[int]");
  EXPECT_EQ(running_.value("[x for x in p]"), "error: 1:4: point value is not iterable");
  EXPECT_EQ(running_.value("len(p)"), "error: 1:4: len: value of type point has no len");
  EXPECT_EQ(running_.error("p.x = 1"), "can't assign to .x field of point");
  // What a frozen global holds through a host object is frozen.
  EXPECT_EQ(running_.error("q = p"), "");
  EXPECT_EQ(running_.error("p.held.append(1)"), "append: cannot append to frozen list");
  offer(Signature("f").required("at", types::host("point") | types::kString));
  EXPECT_EQ(running_.value("f(p)"), "(<point>, ())");
  EXPECT_EQ(running_.value("f(1)"),
            "error: 1:2: f: for parameter at: got int, want string or point");
}

}  // namespace
}  // namespace mishap::starlark
