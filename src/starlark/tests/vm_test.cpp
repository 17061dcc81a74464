#include <gmock/gmock.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing::ElementsAre;
using testing_support::Running;

class Machine : public testing::Test {
 protected:
  Running running_;
};

TEST_F(Machine, Integers) {
  EXPECT_EQ(running_.value("9223372036854775807 + 1"), "9223372036854775808");
  EXPECT_EQ(running_.value("-9223372036854775807 - 2"), "-9223372036854775809");
  EXPECT_EQ(running_.value("9223372036854775807 * 2 - 9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(running_.value("-(-9223372036854775807 - 1)"), "9223372036854775808");
  EXPECT_EQ(running_.value("[7 // 2, -7 // 2, 7 // -2, 7 % 3, -7 % 3, 7 % -3]"),
            "[3, -4, -4, 1, 2, -2]");
  EXPECT_EQ(running_.value("(-9223372036854775807 - 1) // -1"), "9223372036854775808");
  EXPECT_EQ(running_.value("[6 & 3, 6 | 3, 6 ^ 3, ~6, 1 << 70, -1 >> 100, 1 << 62, 1 << 63]"),
            "[2, 7, 5, -7, 1180591620717411303424, -1, 4611686018427387904, 9223372036854775808]");
  EXPECT_EQ(running_.value("1 // 0"), "error: 1:3: floored division by zero");
  EXPECT_EQ(running_.value("1 % 0"), "error: 1:3: integer modulo by zero");
  EXPECT_EQ(running_.value("1 << -1"), "error: 1:3: negative shift count: -1");
  EXPECT_EQ(running_.value("1 << 512"), "error: 1:3: shift count too large: 512");
}

TEST_F(Machine, Floats) {
  EXPECT_EQ(running_.value("[1 / 2, 7.0 // 2, -7.5 % 2, 1.5 + 1, 2 * 0.5, -0.5, +1.5]"),
            "[0.5, 3.0, 0.5, 2.5, 1.0, -0.5, 1.5]");
  EXPECT_EQ(running_.value("1 / 0"), "error: 1:3: floating-point division by zero");
  EXPECT_EQ(running_.value("1.0 % 0"), "error: 1:5: floating-point modulo by zero");
}

TEST_F(Machine, OperandsWhereverTheyAre) {
  // On the stack, constant or local on the right, local on the left: all give the same.
  EXPECT_EQ(running_.result(R"(
def f(a, b):
    return [
        a + b, a + 2, (a + 0) + b, (a + 0) + (b + 0), 2 + b,
        a - b, a - 2, (a + 0) - b, (a + 0) - (b + 0),
        a * b, a // b, a // 2, a % b, a % 2, a / b, a / 2.0,
        a < b, a < 7, a <= b, a > b, a >= 7, a == b, a == 7, a != b, a != 7,
        a + b if a > b else b,
        (a if b else a) + (b or a), (a and b) - (b and a),
    ]
result = f(7, 3)
)"),
            "[10, 9, 10, 10, 5, 4, 5, 4, 4, 21, 2, 3, 1, 1, 2.3333333333333335, 3.5, False, False, "
            "False, True, True, False, True, True, False, 10, 10, -4]");
  EXPECT_EQ(running_.result(R"(
def f(a, b, n):
    a += b
    n += 1
    a += "c"
    big = n + 9223372036854775806
    big += n
    return a, n, big, a < b, n < 1.5, [1] + [n], "%s" % n
result = f("a", "b", 1)
)"),
            "(\"abc\", 2, 9223372036854775810, True, False, [1, 2], \"2\")");
}

TEST_F(Machine, UnboundOperandsAreShownWhereTheyAre) {
  EXPECT_EQ(running_.error("def f():\n    x = (y + 1)\n    y = 2\nf()"),
            "local variable y referenced before assignment");
  EXPECT_EQ(running_.result("def f():\n    x = 5 * (y + 1)\n    y = 2\nf()"),
            "error: 2:14: local variable y referenced before assignment");
  EXPECT_EQ(running_.result("def f(z):\n    x = z + y\n    y = 2\nf(1)"),
            "error: 2:11: local variable y referenced before assignment");
  EXPECT_EQ(running_.result("def f():\n    y += 1\nf()"),
            "error: 2:5: local variable y referenced before assignment");
  EXPECT_EQ(running_.result("def f(z):\n    if y < z: pass\n    y = 2\nf(1)"),
            "error: 2:8: local variable y referenced before assignment");
}

TEST_F(Machine, RangesToTheEndOfIntegers) {
  EXPECT_EQ(running_.value("[x for x in range(9223372036854775805, 9223372036854775807)]"),
            "[9223372036854775805, 9223372036854775806]");
  EXPECT_EQ(running_.value("[x for x in range(9223372036854775800, 9223372036854775807, 5)]"),
            "[9223372036854775800, 9223372036854775805]");
  EXPECT_EQ(running_.value("[x for x in range(-9223372036854775807, -9223372036854775808, -1)]"),
            "[-9223372036854775807]");
}

TEST_F(Machine, ShortAndLongTextsOfFormats) {
  EXPECT_EQ(
      running_.value("[\"%d-%s|%s\" % (-9223372036854775808, 7, \"é\"), \"x%d\" % 5, \"%s\" % "
                     "\"\", \"a%%b%d\" % 1]"),
      "[\"-9223372036854775808-7|é\", \"x5\", \"\", \"a%b1\"]");
  EXPECT_EQ(
      running_.value("[len(\"%s%s\" % (n * \"x\", n * \"y\")) for n in (127, 128, 129, 300)]"),
      "[254, 256, 258, 600]");
  EXPECT_EQ(running_.value("[len(n * \"x\" + \"%d\" % 123456789) for n in (236, 250)]"),
            "[245, 259]");
  EXPECT_EQ(running_.value("\"%d%d\" % 1"), "error: 1:8: not enough arguments for format string");
  EXPECT_EQ(running_.value("\"%d\" % (1, 2)"), "error: 1:6: too many arguments for format string");
  EXPECT_EQ(running_.value("\"%d\" % \"1\""),
            "error: 1:6: %d format requires integer: cannot convert string to int");
}

TEST_F(Machine, OperatorsThatDoNotApply) {
  EXPECT_EQ(running_.value("1 + \"a\""),
            "error: 1:3: unknown binary op: int + string (str(x) is the text of a value)");
  EXPECT_EQ(running_.value("-\"a\""), "error: 1:1: unknown unary op: - string");
  EXPECT_EQ(running_.value("1 in 2"), "error: 1:3: unknown binary op: int in int");
  EXPECT_EQ(running_.value("1 in \"abc\""),
            "error: 1:3: 'in <string>' requires string as left operand, not int");
}

TEST_F(Machine, RepeatsAreBounded) {
  EXPECT_EQ(running_.value("\"ab\" * 3 + \"c\" * -1"), "\"ababab\"");
  EXPECT_EQ(running_.value("[1, 2] * 2, 2 * (1,)"), "([1, 2, 1, 2], (1, 1))");
  EXPECT_EQ(running_.value("\"abc\" * 1000000000"),
            "error: 1:7: excessive repeat (3 * 1000000000 elements)");
  EXPECT_EQ(running_.value("[0] * (1 << 30)"),
            "error: 1:5: excessive repeat (1 * 1073741824 elements)");
  EXPECT_EQ(running_.value("[0] * (1 << 40)"), "error: 1:5: repeat count 1099511627776 too large");
  EXPECT_EQ(running_.value("\"a\" * (1 << 80)"),
            "error: 1:5: repeat count 1208925819614629174706176 too large");
}

TEST_F(Machine, IndexAndSlice) {
  EXPECT_EQ(running_.value("[1, 2, 3][-1], \"abc\"[1], (1, 2)[0], b\"ab\"[1], range(9)[-2]"),
            "(3, \"b\", 1, b\"b\", 7)");
  EXPECT_EQ(running_.value("\"abcdef\"[1:4], \"abcdef\"[::-2], [1, 2, 3][5:], (1, 2, 3)[-2:]"),
            "(\"bcd\", \"fdb\", [], (2, 3))");
  EXPECT_EQ(running_.value("range(10)[2:8:3], range(10)[::-1], range(10)[8:2]"),
            "(range(2, 8, 3), range(9, -1, -1), range(8, 8))");
  EXPECT_EQ(running_.value("[1, 2][2]"), "error: 1:7: list index 2 out of range [-2:1]");
  EXPECT_EQ(running_.value("[][0]"), "error: 1:3: list index 0 out of range: empty list");
  EXPECT_EQ(running_.value("[1][\"a\"]"), "error: 1:4: list index: got string, want int");
  EXPECT_EQ(running_.value("{}[1]"), "error: 1:3: key 1 not in dict");
  EXPECT_EQ(running_.value("1[0]"), "error: 1:2: unhandled index operation int[int]");
  EXPECT_EQ(running_.value("[1][::0]"), "error: 1:4: zero is not a valid slice step");
  EXPECT_EQ(running_.value("[1][\"a\":]"), "error: 1:4: invalid start index: got string, want int");
  EXPECT_EQ(running_.value("{}[1:]"), "error: 1:3: invalid slice operand dict");
}

TEST_F(Machine, Containers) {
  EXPECT_EQ(running_.value("{\"a\": 1, \"b\": 2} | {\"b\": 3}"), "{\"a\": 1, \"b\": 3}");
  EXPECT_EQ(running_.value("{\"a\": 1, \"a\": 2}"), "error: 1:13: duplicate key: \"a\"");
  EXPECT_EQ(
      running_.value("set([1, 2]) | set([3]), set([1, 2]) & set([2]), set([1, 2]) - set([2]), "
                     "set([1, 2]) ^ set([2, 3])"),
      "(set([1, 2, 3]), set([2]), set([1]), set([1, 3]))");
  EXPECT_EQ(running_.value("[x * y for x in range(4) if x % 2 for y in [10, 20]]"),
            "[10, 20, 30, 60]");
  EXPECT_EQ(running_.value("{k: v for k, v in [(\"a\", 1), (\"a\", 2)]}"), "{\"a\": 2}");
  EXPECT_EQ(
      running_.value("2 in [1, 2], 3 not in (1, 2), \"k\" in {\"k\": 1}, 4 in range(0, 9, 2)"),
      "(True, True, True, True)");
}

TEST_F(Machine, AssignmentInPlace) {
  EXPECT_EQ(running_.result("a = [1]\nb = a\na += (2, 3)\nresult = b"), "[1, 2, 3]");
  EXPECT_EQ(running_.result("a = {1: 1}\nb = a\na |= {2: 2}\nresult = b"), "{1: 1, 2: 2}");
  EXPECT_EQ(running_.result("a = [1]\na += a\nresult = a"), "[1, 1]");
  EXPECT_EQ(running_.result("calls = []\n"
                            "def f():\n  calls.append(1)\n  return 0\n"
                            "a = [5]\na[f()] += 1\nresult = (a, calls)"),
            "([6], [1])");
  EXPECT_EQ(running_.error("l = []\nfor x in [1]:\n  freeze = l\nl += 1"),
            "unknown binary op: list + int");
}

TEST_F(Machine, TextGrowsWithoutTouchingCopies) {
  EXPECT_EQ(running_.result("def f():\n"
                            "  s = \"a\"\n"
                            "  kept = []\n"
                            "  for i in range(100):\n"
                            "    s += \"xyz\"\n"
                            "    if i % 33 == 0: kept.append(s)\n"
                            "  t = s\n"
                            "  s += \"!\"\n"
                            "  s = s + s\n"
                            "  return [len(k) for k in kept] + [len(t), len(s), t == s]\n"
                            "result = f()"),
            "[4, 103, 202, 301, 301, 604, False]");
  EXPECT_EQ(running_.result("def f():\n  s = \"\"\n  d = {}\n  for c in \"abc\".elems():\n"
                            "    s += c\n    d[s] = 1\n  return d\nresult = f()"),
            "{\"a\": 1, \"ab\": 1, \"abc\": 1}");
}

TEST_F(Machine, MutationDuringIteration) {
  EXPECT_EQ(running_.result("l = [1]\nfor x in l:\n  l.append(x)"),
            "error: 3:11: append: cannot append to list during iteration");
  EXPECT_EQ(running_.error("d = {1: 1}\nfor x in d:\n  d[2] = 1"),
            "cannot insert into hash table during iteration");
  EXPECT_EQ(running_.error("l = [1]\nfor x in l:\n  l += [1]"),
            "cannot apply += to list during iteration");
  EXPECT_EQ(running_.result("l = [1, 2]\nfor x in l:\n  break\nl.append(3)\n"
                            "def f():\n  for x in l: return x\nf()\nl.append(4)\nresult = l"),
            "[1, 2, 3, 4]");
  // An error in the middle ends the iteration too.
  LoadedModule* module = running_.module("def f(l):\n  for x in l: fail(\"no\")\n");
  ASSERT_NE(module, nullptr);
  const Value list = running_.interpreter.heap().list({Value::none()});
  EXPECT_FALSE(running_.thread.run(module->global("f"), {list}));
  EXPECT_TRUE(list.as<List>().append(Value::none()));
}

TEST_F(Machine, Unpacking) {
  EXPECT_EQ(running_.result("a, (b, [c, d]), e = 1, (2, [3, 4]), 5\nresult = [a, b, c, d, e]"),
            "[1, 2, 3, 4, 5]");
  EXPECT_EQ(running_.result("a, b = {1: 2, 3: 4}\nresult = (b, a)"), "(3, 1)");
  EXPECT_EQ(running_.error("a, b = 1, 2, 3"), "too many values to unpack (got 3, want 2)");
  EXPECT_EQ(running_.error("a, b = [1]"), "too few values to unpack (got 1, want 2)");
  EXPECT_EQ(running_.error("a, b = 1"), "got int in sequence assignment");
}

TEST_F(Machine, ControlFlow) {
  EXPECT_EQ(
      running_.result("result = []\nfor i in range(10):\n"
                      "  if i == 1: continue\n  elif i == 4: break\n  else: result.append(i)"),
      "[0, 2, 3]");
  EXPECT_EQ(running_.result("i = 0\nresult = 0\nwhile True:\n  i += 1\n  if i == 3: continue\n"
                            "  if i > 5: break\n  result += i"),
            "12");
  EXPECT_EQ(
      running_.value("[1 if [] else 2, not 0, 0 or \"x\", 1 and 0, \"\" and fail(\"unused\")]"),
      "[2, True, \"x\", 0, \"\"]");
  EXPECT_EQ(running_.result("for x in 5: pass"), "error: 1:1: int value is not iterable");
  EXPECT_EQ(running_.error("for x in \"abc\": pass"), "string value is not iterable");
}

TEST_F(Machine, VariablesBeforeTheirValue) {
  EXPECT_EQ(running_.error("def f():\n  y = x\n  x = 1\nf()"),
            "local variable x referenced before assignment");
  EXPECT_EQ(running_.error("def f():\n  return later\nf()\nlater = 1"),
            "global variable later referenced before assignment");
  EXPECT_EQ(running_.error("def f():\n  g = lambda: x\n  g()\n  x = 1\nf()"),
            "local variable x referenced before assignment");
}

TEST_F(Machine, Attributes) {
  EXPECT_EQ(running_.error("[].apend(1)"),
            "list has no .apend field or method (did you mean .append?)");
  EXPECT_EQ(running_.error("x = 1\nx.y = 2"), "can't assign to .y field of int");
  EXPECT_EQ(running_.result("f = [3, 1].index\nresult = f(1)"), "1");
  EXPECT_EQ(running_.error("1()"), "invalid call of non-function (int)");
}

TEST_F(Machine, ErrorsCarryTheStack) {
  LoadedModule* module =
      running_.module("def inner(x):\n  return [].pop()\n\ndef outer():\n  inner(1)\n");
  ASSERT_NE(module, nullptr);
  const Outcome outcome = running_.thread.run(module->global("outer"));
  ASSERT_FALSE(outcome);
  std::vector<std::string> frames;
  for (const StackFrame& frame : outcome.error().stack)
    frames.push_back(frame.function + " " + frame.pos.text());
  EXPECT_THAT(frames, ElementsAre("outer f.star:5:8", "inner f.star:2:16", "pop "));
  EXPECT_EQ(outcome.error().pos.text(), "f.star:2:16");
  EXPECT_EQ(traceback(outcome.error()).substr(0, 33), "Traceback (most recent call last)");
}

TEST_F(Machine, AThreadCanGoOnAfterAnError) {
  EXPECT_EQ(running_.value("[1, 2][fail(\"no\")]"), "error: 1:12: fail: no");
  EXPECT_EQ(running_.value("1 + 1"), "2");
  EXPECT_TRUE(running_.thread.stack().empty());
}

TEST_F(Machine, PrintsWhereItIsTold) {
  EXPECT_EQ(running_.error("print(1, \"a\", sep = \"-\")"), "");
  EXPECT_THAT(running_.printed, ElementsAre("1-a"));
}

}  // namespace
}  // namespace mishap::starlark
