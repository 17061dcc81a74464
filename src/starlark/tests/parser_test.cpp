#include "mishap/starlark/parser.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace mishap::starlark {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> errors(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& diagnostic : parse("f", text, {}).diagnostics)
    lines.push_back(diagnostic.text());
  return lines;
}

std::string repeated(std::string_view part, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += part;
  return out;
}

/// The structure of an expression, fully bracketed.
std::string tree(const ast::Expr& expr) {
  using namespace ast;
  switch (expr.kind) {
    case ExprKind::kIdentifier:
      return std::string(as<const Identifier>(expr).name);
    case ExprKind::kInt:
      return std::string(as<const IntLiteral>(expr).digits);
    case ExprKind::kString:
      return "'" + std::string(as<const StringLiteral>(expr).value) + "'";
    case ExprKind::kUnary: {
      const auto& node = as<const UnaryExpr>(expr);
      return "(" + std::string(to_string(node.op)) + " " + tree(*node.operand) + ")";
    }
    case ExprKind::kBinary: {
      const auto& node = as<const BinaryExpr>(expr);
      return "(" + tree(*node.left) + " " + std::string(to_string(node.op)) + " " +
             tree(*node.right) + ")";
    }
    case ExprKind::kLogical: {
      const auto& node = as<const LogicalExpr>(expr);
      return "(" + tree(*node.left) + " " + std::string(to_string(node.op)) + " " +
             tree(*node.right) + ")";
    }
    case ExprKind::kConditional: {
      const auto& node = as<const ConditionalExpr>(expr);
      return "(" + tree(*node.if_true) + " if " + tree(*node.condition) + " else " +
             tree(*node.if_false) + ")";
    }
    case ExprKind::kTuple: {
      std::string out = "tuple(";
      for (const Expr* element : as<const TupleExpr>(expr).elements) out += tree(*element) + ";";
      return out + ")";
    }
    case ExprKind::kList: {
      std::string out = "list(";
      for (const Expr* element : as<const ListExpr>(expr).elements) out += tree(*element) + ";";
      return out + ")";
    }
    case ExprKind::kDict: {
      std::string out = "dict(";
      for (const auto& entry : as<const DictExpr>(expr).entries) {
        out += tree(*entry.key) + ":" + tree(*entry.value) + ";";
      }
      return out + ")";
    }
    case ExprKind::kCall: {
      const auto& node = as<const CallExpr>(expr);
      std::string out = tree(*node.function) + "(";
      for (const auto& argument : node.arguments) {
        if (argument.kind == ArgumentKind::kNamed) out += std::string(argument.name) + "=";
        if (argument.kind == ArgumentKind::kArgs) out += "*";
        if (argument.kind == ArgumentKind::kKwargs) out += "**";
        out += tree(*argument.value) + ";";
      }
      return out + ")";
    }
    case ExprKind::kDot: {
      const auto& node = as<const DotExpr>(expr);
      return tree(*node.object) + "." + std::string(node.name);
    }
    case ExprKind::kIndex: {
      const auto& node = as<const IndexExpr>(expr);
      return tree(*node.object) + "[" + tree(*node.index) + "]";
    }
    case ExprKind::kSlice: {
      const auto& node = as<const SliceExpr>(expr);
      auto part = [](const Expr* e) { return e == nullptr ? std::string() : tree(*e); };
      return tree(*node.object) + "[" + part(node.start) + ":" + part(node.stop) + ":" +
             part(node.step) + "]";
    }
    case ExprKind::kComprehension: {
      const auto& node = as<const Comprehension>(expr);
      std::string out = node.key == nullptr ? "[" : "{" + tree(*node.key) + ":";
      out += tree(*node.element);
      for (const auto& clause : node.clauses) {
        out += clause.is_for() ? " for " + tree(*clause.target) + " in " : " if ";
        out += tree(*clause.subject);
      }
      return out + (node.key == nullptr ? "]" : "}");
    }
    case ExprKind::kLambda: {
      std::string out = "lambda";
      const Function& function = *as<const LambdaExpr>(expr).function;
      for (const auto& parameter : function.parameters)
        out += " " + std::string(parameter.name->name);
      return out + ": " + tree(*as<const ReturnStmt>(*function.body[0]).value);
    }
    default:
      return "?";
  }
}

std::string tree(std::string_view text) {
  auto outcome = parse_expression("f", text, {});
  if (!outcome.module) return outcome.diagnostics.at(0).text();
  return tree(*ast::as<const ast::ReturnStmt>(*outcome.module->toplevel->body[0]).value);
}

TEST(Parser, GivesOperatorsTheirPrecedence) {
  struct Case {
    std::string_view text, expected;
  };
  const Case cases[] = {
      {"1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"},
      {"a or b and not c == d", "(a or (b and (not (c == d))))"},
      {"a | b ^ c & d << e + f", "(a | (b ^ (c & (d << (e + f)))))"},
      {"-a.b[0](1)", "(- a.b[0](1;))"},
      {"- - ~ +x", "(- (- (~ (+ x))))"},
      {"a not in b", "(a not in b)"},
      {"not a in b", "(not (a in b))"},
      {"a if b else c if d else e", "(a if b else (c if d else e))"},
      {"a // b % c", "((a // b) % c)"},
      {"a, b", "tuple(a;b;)"},
      {"(a,)", "tuple(a;)"},
      {"()", "tuple()"},
      {"(a)", "a"},
      {"[a, b,]", "list(a;b;)"},
      {"{a: 1, b: 2,}", "dict(a:1;b:2;)"},
      {"{}", "dict()"},
      {"x[1:2]", "x[1:2:]"},
      {"x[::3]", "x[::3]"},
      {"x[:]", "x[::]"},
      {"x[1, 2]", "x[tuple(1;2;)]"},
      {"f(a, b = 1, *c, **d)", "f(a;b=1;*c;**d;)"},
      {"[x for x in y if x if z for a, b in c]", "[x for x in y if x if z for tuple(a;b;) in c]"},
      {"{k: v for k, v in d}", "{k:v for tuple(k;v;) in d}"},
      {"lambda x, y: x + y", "lambda x y: (x + y)"},
      {"lambda: a if b else c", "lambda: (a if b else c)"},
      {"cache.redis.del", "cache.redis.del"},
      {"(1 +\n 2)", "(1 + 2)"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(tree(text), expected) << text;
}

TEST(Parser, ReadsNumbersOfAnyLength) {
  auto value = [](std::string_view text) {
    auto outcome = parse_expression("f", text, {});
    const auto& expr = *ast::as<const ast::ReturnStmt>(*outcome.module->toplevel->body[0]).value;
    return ast::as<const ast::IntLiteral>(expr).value;
  };
  EXPECT_EQ(value("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(value("9223372036854775808"), std::nullopt);
  EXPECT_EQ(value("0xfF"), 255);
  EXPECT_EQ(value("0o17"), 15);
  EXPECT_EQ(value("0B101"), 5);
  EXPECT_EQ(value("00"), 0);
}

TEST(Parser, MarksWhereThingsAre) {
  auto outcome = parse("f", "x = foo(1)[2].bar + 3\n", {});
  ASSERT_TRUE(outcome.module);
  const auto& assign = ast::as<const ast::AssignStmt>(*outcome.module->toplevel->body[0]);
  EXPECT_EQ(assign.at, (ast::Position{1, 3}));
  const auto& sum = ast::as<const ast::BinaryExpr>(static_cast<const ast::Expr&>(*assign.value));
  EXPECT_EQ(sum.at, (ast::Position{1, 19}));
  EXPECT_EQ(sum.span.begin, (ast::Position{1, 5}));
  EXPECT_EQ(sum.span.end, (ast::Position{1, 22}));
  const auto& dot = ast::as<const ast::DotExpr>(static_cast<const ast::Expr&>(*sum.left));
  EXPECT_EQ(dot.at, (ast::Position{1, 14}));
  const auto& index = ast::as<const ast::IndexExpr>(static_cast<const ast::Expr&>(*dot.object));
  EXPECT_EQ(index.at, (ast::Position{1, 11}));
  EXPECT_EQ(index.object->at, (ast::Position{1, 8}));
}

TEST(Parser, KeepsDocstringsAndLoads) {
  auto outcome =
      parse("f", "'''About.'''\nload('a.star', 'b', c = 'd')\ndef g():\n  'Inner.'\n", {});
  ASSERT_TRUE(outcome.module);
  EXPECT_EQ(outcome.module->toplevel->docstring, "About.");
  ASSERT_EQ(outcome.module->loads.size(), 1u);
  const auto& load = *outcome.module->loads[0];
  EXPECT_EQ(load.module, "a.star");
  ASSERT_EQ(load.names.size(), 2u);
  EXPECT_EQ(load.names[0].local->name, "b");
  EXPECT_EQ(load.names[1].local->name, "c");
  EXPECT_EQ(load.names[1].name, "d");
  EXPECT_EQ(ast::as<const ast::DefStmt>(*outcome.module->toplevel->body[2]).function->docstring,
            "Inner.");
}

TEST(Parser, AcceptsWholeFiles) {
  for (std::string_view text :
       {"", "\n\n", "# nothing", "pass", "x = 1; y = 2;", "def f(a, b = 1, *c, d, **e): return\n",
        "def f(*, a): pass", "if a: b\nelif c: d\nelse: e", "for a, (b, c) in d:\n  continue\n",
        "while a:\n  break\n", "a.b[0] = c", "(a, [b, c.d]) = e", "a += 1"}) {
    EXPECT_THAT(errors(text), IsEmpty()) << text;
  }
}

struct Wrong {
  std::string_view text, error;
};

TEST(Parser, SaysWhatItWanted) {
  const Wrong cases[] = {
      {")", "f:1:1: unexpected ')' (no bracket is open here)"},
      {"x = ", "f:1:5: got end of file, want primary expression"},
      {"x = (1", "f:1:7: got end of file, want ')'"},
      {"f(1", "f:1:4: got end of file, want ')' at the end of the arguments"},
      {"f(1 2)", "f:1:5: got int literal, want ',' or ')' after an argument"},
      {"[1, 2", "f:1:6: got end of file, want ']' at the end of a list"},
      {"[1 2]", "f:1:4: got int literal, want ']' at the end of a list"},
      {"x[]", "f:1:3: got ']', want primary expression"},
      {"x[1:2:3:4]", "f:1:8: got ':', want ']' at the end of an index"},
      {"{1: 2", "f:1:6: got end of file, want '}' at the end of a dict"},
      {"{1: 2, 3}", "f:1:9: got '}', want ':' after a dict's key"},
      {"[x for x]", "f:1:9: got ']', want in after the variables of a comprehension"},
      {"[x for x in y z]", "f:1:15: got identifier, want ']', for, or if"},
      {"a b", "f:1:3: got identifier, want newline"},
      {"a 'b'", "f:1:3: got string literal, want newline"},
      {"a if b", "f:1:3: conditional expression without else clause (write x if condition else y)"},
      {"x.", "f:1:3: not an identifier: got end of file, want a name after '.'"},
      {"x.1", "f:1:2: got float literal, want newline"},
      {"lambda x", "f:1:9: got end of file, want ':' after the lambda's parameters"},
      {"lambda 1: 2", "f:1:8: not an identifier: got int literal, want a name for the parameter"},
      {"def f:\n  pass", "f:1:6: got ':', want '(' after the function's name"},
      {"def (): pass", "f:1:5: not an identifier: got '(', want a name for the function"},
      {"def f(1): pass",
       "f:1:7: not an identifier: got int literal, want a name for the parameter"},
      {"def f(*1): pass", "f:1:8: not an identifier: got int literal, want a name after *"},
      {"def f(**): pass", "f:1:9: not an identifier: got ')', want a name after **"},
      {"def f(a b): pass", "f:1:9: got identifier, want ',' or the end of the parameters"},
      {"def f()\n  pass", "f:1:8: got newline, want ':' after a function's head"},
      {"def f():\npass",
       "f:2:1: got pass, want indent (the block is missing: indented lines, if only pass)"},
      {"if a\n  b", "f:1:5: got newline, want ':' after a condition"},
      {"if a: b\nelse\n  c", "f:2:5: got newline, want ':' after else"},
      {"for x y: pass", "f:1:7: got identifier, want in after the variables of a loop"},
      {"for x in y pass", "f:1:12: got pass, want ':' after a for loop's head"},
      {"while x pass", "f:1:9: got pass, want ':' after a while loop's head"},
      {"else: pass", "f:1:1: got else, want primary expression"},
      {"  x",
       "f:1:1: got indent, want primary expression (the line is indented more than the block it "
       "belongs to)"},
      {"if a:\n  b\n    c\n  d",
       "f:3:1: got indent, want primary expression (the line is indented more than the block it "
       "belongs to)"},
      {"load 'x'", "f:1:6: got string literal, want '(' after load"},
      {"load(x)",
       "f:1:6: first operand of load statement must be a string literal (the name of a file)"},
      {"load('x')", "f:1:6: load statement must import at least 1 symbol"},
      {"load('x', y)",
       "f:1:11: load operand must be \"y\" or y=\"originalname\" (want '=' after y)"},
      {"load('x', 1)",
       "f:1:11: load operand must be \"name\" or localname=\"name\" (got int literal)"},
      {"load('x', 'y'", "f:1:14: got end of file, want ')' at the end of a load"},
      {"a < b < c", "f:1:7: < does not associate with < (use parens) (write a < b and b < c)"},
      {"a in b == c", "f:1:8: in does not associate with == (use parens) (write a < b and b < c)"},
      {"x = 'a' 'b'",
       "f:1:9: got string literal, want newline (strings are not joined by writing them side by "
       "side; use +)"},
      {"a $ b", "f:1:3: unexpected input character '$'"},
  };
  for (const auto& [text, error] : cases) {
    auto found = errors(text);
    ASSERT_FALSE(found.empty()) << text;
    EXPECT_EQ(found[0], error) << text;
  }
}

TEST(Parser, AnswersPython) {
  const Wrong cases[] = {
      {"import os", "f:1:1: 'import' is not in the language (use load(\"file.star\", \"name\"))"},
      {"from a import b",
       "f:1:1: 'from' is not in the language (use load(\"file.star\", \"name\"))"},
      {"class A:\n  pass", "f:1:1: 'class' is not in the language (use struct(…) and functions)"},
      {"try:\n  a\nexcept:\n  b",
       "f:1:1: 'try' is not in the language (errors cannot be caught; ask first, as with hasattr "
       "or `in`)"},
      {"raise x", "f:1:1: 'raise' is not in the language (use fail(\"message\"))"},
      {"with a as b:\n  c", "f:1:1: 'with' is not in the language (pass a function instead)"},
      {"del x[0]", "f:1:1: 'del' is not in the language (use x.pop(key) or x.remove(item))"},
      {"global x",
       "f:1:1: 'global' is not in the language (functions cannot rebind globals; return the "
       "value)"},
      {"nonlocal x",
       "f:1:1: 'nonlocal' is not in the language (use a list or dict that both functions see)"},
      {"yield x", "f:1:1: 'yield' is not in the language (return a list)"},
      {"async def f(): pass",
       "f:1:1: 'async' is not in the language (functions return when they are done)"},
      {"await f()", "f:1:1: 'await' is not in the language (calls return when they are done)"},
      {"finally:\n  a", "f:1:1: 'finally' is not in the language (errors cannot be caught)"},
      {"as x", "f:1:1: got 'as', want primary expression ('as' is a reserved word)"},
      {"x = class", "f:1:5: got 'class', want primary expression ('class' is a reserved word)"},
      {"f(from = 1)", "f:1:3: got 'from', want primary expression ('from' is a reserved word)"},
      {"a is b", "f:1:3: there is no 'is' operator (use == or !=)"},
      {"a ** b", "f:1:3: there is no ** operator (use math.pow(x, y), or multiply)"},
      {"x: int = 1", "f:1:2: got ':', want newline (variables have no type annotations)"},
      {"def f(x: int): pass", "f:1:8: parameters have no type annotations"},
      {"def f() -> int: pass", "f:1:9: functions have no return type"},
      {"a = b = c",
       "f:1:7: got '=', want newline (assignments cannot be chained: write one line for each "
       "name)"},
      {"if x = 1:\n  pass", "f:1:6: got '=', want ':' (== compares)"},
      {"sum(x for x in y)",
       "f:1:7: got for, want ',' (there are no generator expressions; use a list comprehension [… "
       "for …])"},
      {"(x for x in y)",
       "f:1:4: got for, want ')' (there are no generator expressions; use a list comprehension [… "
       "for …])"},
      {"{1, 2}", "f:1:3: got ',', want ':' (there are no set literals; use set([…]))"},
      {"{1}", "f:1:3: got '}', want ':' (there are no set literals; use set([…]))"},
      {"for x in y:\n  pass\nelse:\n  pass", "f:3:1: loops have no else"},
      {"while x:\n  pass\nelse:\n  pass", "f:3:1: loops have no else"},
      {"print('%s' % f'{x}')",
       "f:1:14: f-strings are not in the language (use \"…\" % x or \"…\".format(x))"},
  };
  for (const auto& [text, error] : cases)
    EXPECT_THAT(errors(text), ElementsAre(std::string(error))) << text;
}

TEST(Parser, FindsSeveralErrors) {
  EXPECT_THAT(
      errors("x = )\ndef f():\n  y = (]\n  return 1\nimport z\nok = 1\nq = $\n"),
      ElementsAre("f:1:5: unexpected ')' (no bracket is open here)",
                  "f:3:8: got ']', want primary expression",
                  "f:5:1: 'import' is not in the language (use load(\"file.star\", \"name\"))",
                  "f:7:5: unexpected input character '$'"));
  // One mistake is one error: not also its block, nor its other branches.
  EXPECT_THAT(errors("if a b:\n  c\nelif d:\n  e\nelse:\n  f\nx = 1\n"),
              ElementsAre("f:1:6: got identifier, want ':' after a condition"));
  EXPECT_THAT(
      errors("def f(a):\n  if b:\nc = 1\nd = )\n"),
      ElementsAre(
          "f:3:1: got outdent, want indent (the block is missing: indented lines, if only pass)",
          "f:4:5: unexpected ')' (no bracket is open here)"));
  EXPECT_THAT(errors("def f():\n  a\n    b\n    c\n  d = )\ne = )\n"),
              ElementsAre("f:3:1: got indent, want primary expression (the line is indented more "
                          "than the block it belongs to)",
                          "f:5:7: unexpected ')' (no bracket is open here)",
                          "f:6:5: unexpected ')' (no bracket is open here)"));
}

TEST(Parser, StopsAfterTwentyErrors) {
  auto found = errors(repeated("x = )\n", 1000));
  ASSERT_EQ(found.size(), kMaxSyntaxErrors);
  EXPECT_EQ(found.back(), "f:20:5: unexpected ')' (no bracket is open here)");
}

TEST(Parser, LimitsNesting) {
  const size_t deep = 100'000;
  const std::string message = "nested too deep (more than 500 levels)";
  std::string blocks;
  for (size_t i = 0; i < 700; ++i) blocks += std::string(i, ' ') + "if x:\n";
  blocks += std::string(700, ' ') + "pass\n";
  for (const std::string& text :
       {repeated("(", deep), repeated("[", deep), repeated("{", deep), repeated("{1:", deep),
        repeated("-", deep) + "1", repeated("not ", deep) + "x", repeated("lambda: ", deep) + "x",
        repeated("f(", deep), repeated("x[", deep), repeated("a if b else ", deep) + "c",
        repeated("[", deep) + repeated("]", deep), repeated("lambda x=", deep) + "1",
        repeated("[x for x in ", deep), blocks}) {
    EXPECT_THAT(errors(text), testing::Contains(HasSubstr(message))) << text.substr(0, 20);
  }
  for (const std::string& text :
       {repeated("a + ", deep) + "a", "f" + repeated("()", deep), "x" + repeated("[0]", deep),
        "x" + repeated(".y", deep), repeated("a and ", deep) + "a"}) {
    EXPECT_THAT(errors(text),
                ElementsAre(HasSubstr("expression is too complex (more than 3000 levels)")))
        << text.substr(0, 20);
  }
  EXPECT_THAT(errors(repeated("(", 240) + "x" + repeated(")", 240)), IsEmpty());
  EXPECT_THAT(errors(repeated("a + ", 2000) + "a"), IsEmpty());
}

// Defaults of lambdas belong to the tree too: without their height, trees could be stacked.
TEST(Parser, CountsDefaultsInTheHeight) {
  std::string nested = "1";
  for (int i = 0; i < 5; ++i)
    nested = fmt::format("(lambda x={}: 0){}", nested, repeated("+1", 2500));
  EXPECT_THAT(errors(nested), ElementsAre(HasSubstr("expression is too complex")));
}

TEST(Parser, TakesAnyBytes) {
  EXPECT_FALSE(errors(std::string_view("\0\0", 2)).empty());
  errors("\xff\xfe\x80");
  errors("\"\xff");
  errors("\\");
  EXPECT_THAT(errors(std::string(1, '\\')), testing::Not(IsEmpty()));
}

TEST(Parser, ReadsSingleExpressions) {
  EXPECT_EQ(tree("1 + 1\n"), "(1 + 1)");
  EXPECT_EQ(tree(""), "f:1:1: got end of file, want primary expression");
  EXPECT_EQ(tree("x = 1"), "f:1:3: got '=', want end of file");
  EXPECT_EQ(tree("1\n2"), "f:2:1: got int literal, want end of file");
}

TEST(WantsMore, KnowsBeginnings) {
  for (std::string_view text : {"f(", "x = [1,", "{", "(\n", "'''abc", "x = '''a\nb", "x = 1 + \\",
                                "if x:", "def f(): ", "def f():  # why", "if x:\n  y",
                                "if x:\n  y\nelse:", "for x in y:\n  if z:\n    w"}) {
    EXPECT_TRUE(wants_more(text)) << text;
  }
  for (std::string_view text :
       {"", "x", "x = 1", "if x: y", "f()", "# note:", "# back \\", "'abc", "'a:'", ")", "x = )",
        "if x:\n  y\n", "def f():\n  return 1\n", "{1: 2}", "'a\\\\'"}) {
    EXPECT_FALSE(wants_more(text)) << text;
  }
}

}  // namespace
}  // namespace mishap::starlark
