#include "mishap/starlark/resolver.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "mishap/starlark/parser.h"

namespace mishap::starlark {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<std::string> kPredeclared = {"service", "http"};
const std::vector<std::string> kUniversal = {"None", "len", "print", "range", "set"};

Dialect spec_dialect() {
  Dialect dialect;
  dialect.allow_global_reassign = true;
  dialect.allow_top_level_control = true;
  return dialect;
}

std::vector<std::string> errors(std::string_view text, const Dialect& dialect = {}) {
  auto outcome = parse("f", text, dialect);
  std::vector<std::string> lines;
  lines.reserve(outcome.diagnostics.size());
  for (const auto& diagnostic : outcome.diagnostics)
    lines.push_back("syntax: " + diagnostic.text());
  if (!outcome.module) return lines;
  for (const auto& diagnostic : resolve(*outcome.module, {kPredeclared, kUniversal}, dialect)) {
    lines.push_back(diagnostic.text());
  }
  return lines;
}

/// "name scope index" of every identifier that is used or bound, in source order.
std::vector<std::string> bindings(std::string_view text, const Dialect& dialect = {},
                                  std::vector<std::string> earlier = {}) {
  auto outcome = parse("f", text, dialect);
  EXPECT_TRUE(outcome.module) << text;
  if (!outcome.module) return {};
  auto problems = resolve(*outcome.module, {kPredeclared, kUniversal, earlier}, dialect);
  EXPECT_THAT(problems, IsEmpty()) << text << problems[0].text();
  struct Names : ast::Visitor {
    std::vector<std::string> seen;
    bool visit(const ast::Expr& expr) override {
      static constexpr const char* kScopes[] = {"undefined", "local",       "cell",     "free",
                                                "global",    "predeclared", "universal"};
      if (const auto* name = ast::if_a<const ast::Identifier>(&expr)) {
        seen.push_back(std::string(name->name) + " " +
                       kScopes[static_cast<int>(name->binding.scope)] + " " +
                       std::to_string(name->binding.index));
      }
      return true;
    }
  } names;
  ast::walk(outcome.module->toplevel->body, names);
  return names.seen;
}

TEST(Resolver, TellsGlobalsAndOutsideNames) {
  EXPECT_THAT(bindings("x = len(http)\ny = x"),
              ElementsAre("x global 0", "len universal 0", "http predeclared 0", "y global 1",
                          "x global 0"));
}

TEST(Resolver, GivesFunctionsTheirSlots) {
  EXPECT_THAT(
      bindings("def f(a, *c, b = 1, **d):\n  e = a\n  return e, b, c, d"),
      ElementsAre("f global 0", "a local 0", "c local 2", "b local 1", "d local 3", "e local 4",
                  "a local 0", "e local 4", "b local 1", "c local 2", "d local 3"));
}

TEST(Resolver, BoxesWhatInnerFunctionsCapture) {
  EXPECT_THAT(bindings("def f(a, b):\n  def g():\n    return a\n  return g, b"),
              ElementsAre("f global 0", "a cell 0", "b local 1", "g local 2", "a free 0",
                          "g local 2", "b local 1"));
  // Through a function in between, which captures it for the inner one.
  EXPECT_THAT(bindings("def f(a):\n  return lambda: lambda: a"),
              ElementsAre("f global 0", "a cell 0", "a free 0"));
  // A default belongs to the scope around.
  EXPECT_THAT(bindings("def f(a):\n  def g(a = a): return a\n  return g"),
              ElementsAre("f global 0", "a local 0", "g local 1", "a local 0", "a local 0",
                          "a local 0", "g local 1"));
  // Bound later in the function is bound everywhere in it.
  EXPECT_THAT(bindings("x = 1\ndef f():\n  g = lambda: x\n  x = 2"),
              ElementsAre("x global 0", "f global 1", "g local 0", "x free 0", "x cell 1"));
}

TEST(Resolver, GivesComprehensionsTheirScopes) {
  EXPECT_THAT(bindings("def f(x):\n  return [x for x in x]"),
              ElementsAre("f global 0", "x local 0", "x local 1", "x local 1", "x local 0"));
  EXPECT_THAT(bindings("x = [x for x in range(3)]"),
              ElementsAre("x global 0", "x local 0", "x local 0", "range universal 0"));
  EXPECT_THAT(bindings("y = [(a, b) for a in range(2) for b in range(a) if b]"),
              ElementsAre("y global 0", "a local 0", "b local 1", "a local 0", "range universal 0",
                          "b local 1", "range universal 0", "a local 0", "b local 1"));
  EXPECT_THAT(bindings("y = [lambda: a for a in range(2)]"),
              ElementsAre("y global 0", "a free 0", "a cell 0", "range universal 0"));
  EXPECT_THAT(errors("y = [a for a in range(2)]\nz = a"), ElementsAre("f:2:5: undefined: a"));
  EXPECT_THAT(errors("y = [1 for a in b for b in a]"), ElementsAre("f:1:17: undefined: b"));
}

TEST(Resolver, RebindsGlobalsWhenTheDialectSaysSo) {
  Dialect spec = spec_dialect();
  EXPECT_THAT(bindings("http = http\nhttp = http\ndef f(): return http", spec),
              ElementsAre("http global 0", "http predeclared 0", "http global 0", "http global 0",
                          "f global 1", "http global 0"));
  EXPECT_THAT(bindings("x = len\nif x:\n  y = 1\nfor z in y:\n  y += z", spec),
              ElementsAre("x global 0", "len universal 0", "x global 0", "y global 1", "z global 2",
                          "y global 1", "y global 1", "z global 2"));
  EXPECT_THAT(bindings("b = a", {}, {"a"}), ElementsAre("b global 1", "a global 0"));
}

TEST(Resolver, ListsWhatTheModuleUses) {
  auto outcome = parse("f", "load('m', 'a', b = 'c')\nx = len(a)\nx2 = len(http)\n", {});
  ASSERT_TRUE(outcome.module);
  ASSERT_THAT(resolve(*outcome.module, {kPredeclared, kUniversal}, {}), IsEmpty());
  std::vector<std::string> globals;
  for (const auto& global : outcome.module->globals) {
    globals.push_back(std::string(global.name) + (global.exported ? "" : " (loaded)"));
  }
  EXPECT_THAT(globals, ElementsAre("a (loaded)", "b (loaded)", "x", "x2"));
  EXPECT_THAT(outcome.module->predeclared, ElementsAre("http"));
  EXPECT_THAT(outcome.module->universal, ElementsAre("len"));
}

TEST(Resolver, DescribesFunctions) {
  auto outcome = parse("f", "def f(a, b = 1, *args, c, d = 2, **kwargs):\n  e = lambda: a\n", {});
  ASSERT_TRUE(outcome.module);
  ASSERT_THAT(resolve(*outcome.module, {kPredeclared, kUniversal}, {}), IsEmpty());
  const ast::Function& function =
      *ast::as<ast::DefStmt>(*outcome.module->toplevel->body[0]).function;
  EXPECT_EQ(function.positional_count, 2);
  EXPECT_EQ(function.keyword_only_count, 2);
  EXPECT_TRUE(function.has_args);
  EXPECT_TRUE(function.has_kwargs);
  std::vector<std::string> locals;
  for (const auto& local : function.locals)
    locals.push_back(std::string(local.name) + (local.is_cell ? " cell" : ""));
  EXPECT_THAT(locals, ElementsAre("a cell", "b", "c", "d", "args", "kwargs", "e"));
}

TEST(Resolver, Refuses) {
  struct Case {
    std::string_view text, error;
  };
  const Case cases[] = {
      {"x = srevice", "f:1:5: undefined: srevice (did you mean service?)"},
      {"x = zzzzzz", "f:1:5: undefined: zzzzzz"},
      {"def f(count):\n  return coutn", "f:2:10: undefined: coutn (did you mean count?)"},
      {"x = 1\nx = 2", "f:2:1: cannot reassign global x declared at f:1:1"},
      {"x = 1\nx += 2", "f:2:1: cannot reassign global x declared at f:1:1"},
      {"load('m', 'a')\na = 2", "f:2:1: cannot reassign local a declared at f:1:11"},
      {"def f(): pass\ndef f(): pass", "f:2:5: cannot reassign global f declared at f:1:5"},
      {"if http: pass", "f:1:1: if statement not within a function"},
      {"for x in http: pass", "f:1:1: for loop not within a function"},
      {"def f():\n  while http: pass",
       "f:2:3: this Starlark dialect does not support while loops (loop over range(n), and break)"},
      {"return 1", "f:1:1: return statement not within a function"},
      {"return", "f:1:1: return statement not within a function"},
      {"x = 1\nreturn x", "f:2:1: return statement not within a function"},
      {"break", "f:1:1: break not in a loop"},
      {"def f():\n  if http:\n    continue", "f:3:5: continue not in a loop"},
      {"def f():\n  for x in http:\n    def g(): break", "f:3:14: break not in a loop"},
      {"def f():\n  load('m', 'x')", "f:2:3: load statement within a function"},
      {"load('m', '_x')", "f:1:11: load: names with leading underscores are not exported: _x"},
      {"def f(a, a): pass", "f:1:10: duplicate parameter: a"},
      {"def f(a, *a): pass", "f:1:11: duplicate parameter: a"},
      {"def f(a = 1, b): pass", "f:1:14: required parameter may not follow optional"},
      {"def f(**a, b): pass", "f:1:12: required parameter may not follow **a"},
      {"def f(*a, *b): pass", "f:1:11: multiple * parameters not allowed"},
      {"def f(*): pass", "f:1:7: bare * must be followed by keyword-only parameters"},
      {"def f(*, **k): pass", "f:1:7: bare * must be followed by keyword-only parameters"},
      {"1 = http",
       "f:1:1: can't assign to literal (on the left go names, x[i], x.f, and lists of them)"},
      {"len() = http",
       "f:1:1: can't assign to callexpr (on the left go names, x[i], x.f, and lists of them)"},
      {"(a, 1) = http",
       "f:1:5: can't assign to literal (on the left go names, x[i], x.f, and lists of them)"},
      {"a, b += http", "f:1:1: can't use tuple expression in augmented assignment"},
      {"[] += http", "f:1:1: can't use list expression in augmented assignment"},
      {"[1 for 1 in http]",
       "f:1:8: can't assign to literal (on the left go names, x[i], x.f, and lists of them)"},
      {"load('m', '')", "f:1:11: load: empty identifier"},
      {"len(a = 1, http)", "f:1:12: positional argument may not follow named"},
      {"len(*http, http)", "f:1:12: positional argument may not follow *args"},
      {"len(**http, *http)", "f:1:13: *args may not follow **kwargs"},
      {"len(**http, http)", "f:1:13: positional argument may not follow **kwargs"},
      {"len(**http, a = 1)", "f:1:13: keyword argument may not follow **kwargs"},
      {"len(*http, a = 1)", "f:1:12: keyword argument may not follow *args"},
      {"len(a = 1, a = 2)", "f:1:12: keyword argument \"a\" is repeated"},
      {"len(*http, *http)", "f:1:12: multiple *args not allowed"},
      {"len(**http, **http)", "f:1:13: multiple **kwargs not allowed"},
  };
  for (const auto& [text, error] : cases)
    EXPECT_THAT(errors(text), ElementsAre(std::string(error))) << text;
}

TEST(Resolver, LimitsWrittenArguments) {
  const auto call = [](int positional, int named) {
    std::string text = "len(";
    for (int i = 0; i < positional; ++i) text += "1, ";
    for (int i = 0; i < named; ++i) text += "x" + std::to_string(i) + " = 1, ";
    return text + ")";
  };
  EXPECT_THAT(errors(call(255, 255)), IsEmpty());
  EXPECT_THAT(errors("\n" + call(256, 0)),
              ElementsAre("f:2:1: 256 positional arguments in call, limit is 255"));
  EXPECT_THAT(errors(call(0, 300)),
              ElementsAre("f:1:1: 300 keyword arguments in call, limit is 255"));
}

TEST(Resolver, FindsAllErrorsInOrder) {
  EXPECT_THAT(
      errors("a = bb\ndef f():\n  return cc\nbreak\n"),
      ElementsAre("f:1:5: undefined: bb", "f:3:10: undefined: cc", "f:4:1: break not in a loop"));
}

TEST(Resolver, FollowsTheDialect) {
  Dialect spec = spec_dialect();
  EXPECT_THAT(errors("for x in range(3):\n  if x: break\nx = 1", spec), IsEmpty());
  EXPECT_THAT(errors("if http:\n  load('m', 'x')", spec),
              ElementsAre("f:2:3: load statement within a conditional"));
  EXPECT_THAT(errors("for x in http:\n  load('m', 'y')", spec),
              ElementsAre("f:2:3: load statement within a loop"));
  EXPECT_THAT(errors("if http:\n  return 1", spec),
              ElementsAre("f:2:3: return statement not within a function"));
  Dialect without_set;
  without_set.allow_set = false;
  EXPECT_THAT(errors("x = set()", without_set),
              ElementsAre("f:1:5: this Starlark dialect does not support sets"));
  Dialect with_while;
  with_while.allow_while = true;
  EXPECT_THAT(errors("def f():\n  while http: break", with_while), IsEmpty());
}

TEST(Resolver, ResolvesSingleExpressions) {
  auto outcome = parse_expression("f", "len(http)", {});
  ASSERT_TRUE(outcome.module);
  EXPECT_THAT(resolve(*outcome.module, {kPredeclared, kUniversal}, {}), IsEmpty());
}

TEST(Resolver, EndsOnTheDeepestTrees) {
  std::string sum = "x = 1";
  for (int i = 0; i < 2900; ++i) sum += " + 1";
  EXPECT_THAT(errors(sum), IsEmpty());
  std::string lambdas = "x = ";
  for (int i = 0; i < 240; ++i) lambdas += "lambda a" + std::to_string(i) + ": ";
  EXPECT_THAT(errors(lambdas + "a0"), IsEmpty());
}

}  // namespace
}  // namespace mishap::starlark
