#include <chrono>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <pthread.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing_support::Running;

class Limits : public testing::Test {
 protected:
  Running running_;
};

TEST_F(Limits, Steps) {
  running_.thread.set_step_limit(1000);
  const auto failed = running_.interpreter.execute(running_.thread, {"f.star", "while True: pass"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "Starlark computation cancelled: too many steps");
  EXPECT_TRUE(failed.error().cancelled);
  EXPECT_GE(running_.thread.steps(), 1000U);
  running_.thread.set_step_limit(0);
  EXPECT_EQ(running_.value("1 + 1"), "2");
}

TEST_F(Limits, CallsAreStepsToo) {
  running_.thread.set_step_limit(100);
  EXPECT_EQ(running_.error("def f(n): return 0 if n == 0 else f(n - 1) + f(n - 1)\nf(20)"),
            "Starlark computation cancelled: too many steps");
}

TEST_F(Limits, CancelFromAnotherThread) {
  std::thread other([&] { running_.thread.cancel("time is up"); });
  const std::string error = running_.error("while True: pass");
  other.join();
  EXPECT_EQ(error, "Starlark computation cancelled: time is up");
  EXPECT_EQ(running_.error("len(\"\")"), "Starlark computation cancelled: time is up");
  running_.thread.clear_cancel();
  EXPECT_EQ(running_.error("len(\"\")"), "");
}

TEST_F(Limits, Memory) {
  Heap& heap = running_.interpreter.heap();
  heap.set_limit(heap.used() + (4U << 20));
  EXPECT_EQ(running_.error("x = []\nwhile True: x.append(\"some text %d\" % len(x))"),
            "memory limit exceeded");
  EXPECT_EQ(running_.error("s = \"x\"\nfor i in range(40): s += s"), "memory limit exceeded");
  EXPECT_EQ(running_.error("l = [1]\nfor i in range(40): l = l + l"), "memory limit exceeded");
  EXPECT_EQ(running_.error("[0] * 10000000"), "excessive repeat (1 * 10000000 elements)");
  EXPECT_EQ(running_.error("list(range(100000000))"), "memory limit exceeded");
  EXPECT_LT(heap.used(), heap.limit() + (8U << 20));
}

TEST_F(Limits, Depth) {
  running_.thread.set_depth_limit(50);
  EXPECT_EQ(running_.error("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nf(60)"),
            "stack overflow");
  EXPECT_EQ(running_.result("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nresult = f(40)"),
            "40");
  running_.thread.set_depth_limit(100'000'000);
  EXPECT_EQ(running_.error("def f(n): return 1 + f(n + 1)\nf(0)"), "stack overflow");
}

// What holds one value twice, and that twice, is a tree without end for whoever walks over it.
constexpr std::string_view kDoubled = R"(
x = ("text",)
y = ("text",)
for i in range(60):
  x = (x, x)
  y = (y, y)
)";

TEST_F(Limits, StepsAreCountedInNativeCode) {
  Heap& heap = running_.interpreter.heap();
  running_.interpreter.predeclare("json", make_json_module(heap));
  running_.interpreter.predeclare("struct", make_struct_function(heap));
  for (std::string_view endless :
       {"all(range(1, 1 << 60))", "x == y", "x < y", "x in [y]", "[y].index(x)", "{x: 1}",
        "{struct(a = x): 1}", "struct(a = x) == struct(a = y)", "json.encode(x)",
        "sorted([x, y], reverse = True)", "min(x, y)", "set(range(1 << 60))", "str(x)",
        "\"%s\" % (x,)", "sorted(range(1000000), key = str)", "max([1, 2], key = lambda n: f())"}) {
    running_.thread.set_step_limit(running_.thread.steps() + 20'000);
    EXPECT_EQ(running_.error(std::string(kDoubled) + "def f():\n  while True: pass\n" +
                             std::string(endless) + "\nf()\n"),
              "Starlark computation cancelled: too many steps")
        << endless;
  }
}

// Each would take minutes or for ever; all of it happens within one call, or in few of them.
TEST_F(Limits, CancelWhileNativeCodeRuns) {
  running_.interpreter.predeclare("json", make_json_module(running_.interpreter.heap()));
  for (std::string_view endless : {
           "x == y",
           "all(range(1, 1 << 60))",
           "l = list(range(3000000))\nwhile True: sorted(l, key = str)",
           "while True: sorted([(i % 7, i) for i in range(1000000)])",
           "while True: len(\"x\" * 100000000)",
           "s = \"x\" * 1000000\nwhile True: s.replace(\"x\", \"yy\")",
           "s = \"[\" + \"1,\" * 3000000 + \"1]\"\nwhile True: json.decode(s)",
           "n = 3\nwhile True: n = n * n % (1 << 500) * n * 3 // 2",
           "n = int(\"7\" * 100000)\nwhile True: str(n)",
           "while True: \"%d\" % int(\"7\" * 100000)",
           "while True: list(range(10000000))",
           "l = list(range(1000000))\nwhile True: l.insert(0, l.pop())",
           "l = list(range(1000000))\nwhile True: -1 in l",
       }) {
    running_.thread.clear_cancel();
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      running_.thread.cancel("time is up");
    });
    const auto begin = std::chrono::steady_clock::now();
    const std::string error = running_.error(std::string(kDoubled) + std::string(endless));
    other.join();
    EXPECT_EQ(error, "Starlark computation cancelled: time is up") << endless;
    // What cannot be left in its midst takes a second at most, some more under a sanitizer.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20)) << endless;
  }
}

struct Case {
  std::string_view program;
  std::string_view error;
};

// A few thousand steps each; by the count of calls and iterations alone it would be minutes.
TEST_F(Limits, CopyingAndSearchingAreCountedBySize) {
  for (std::string_view program : {
           "s = \"x\" * 1000000\nfor i in range(1000): s = \"a\" + s",
           "s = \"x\" * 1000000\nfor i in range(1000): s[1:]",
           "s = \"x\" * 1000000\nfor i in range(1000): s.find(\"xa\")",
           "l = list(range(100000))\nfor i in range(1000): l + l",
           "l = list(range(100000))\nfor i in range(1000): l[1:]",
           "l = list(range(100000))\nfor i in range(1000): l.insert(0, l.pop(0))",
           "l = list(range(100000))\nfor i in range(1000): -1 in l",
           "l = list(range(100000))\nfor i in range(1000): l.index(99999)",
           "n = int(\"7\" * 1000000)\nfor i in range(1000): n + i",
       }) {
    running_.thread.set_step_limit(running_.thread.steps() + 100'000);
    EXPECT_EQ(running_.error(program), "Starlark computation cancelled: too many steps") << program;
  }
}

TEST_F(Limits, MemoryOfWhatGrowsAtOnce) {
  Heap& heap = running_.interpreter.heap();
  running_.interpreter.predeclare("json", make_json_module(heap));
  heap.set_limit(heap.used() + (8U << 20));
  for (const Case& each : std::initializer_list<Case>{
           {"list(range(1 << 60))", "memory limit exceeded"},
           {"tuple(range(1 << 60))", "memory limit exceeded"},
           {"set(range(1 << 60))", "memory limit exceeded"},
           {"sorted(range(1 << 60))", "memory limit exceeded"},
           {"reversed(range(1 << 60))", "memory limit exceeded"},
           {"max(range(1 << 60))", "memory limit exceeded"},
           {"zip(range(1 << 60), range(1 << 60))", "zip: memory limit exceeded"},
           {"enumerate(range(1 << 60))", "memory limit exceeded"},
           {"print(*range(1 << 60))", "memory limit exceeded"},
           {"x = []\nx += range(1 << 60)", "memory limit exceeded"},
           {"a, b = range(1 << 60)", "too many values to unpack (got 1152921504606846976, want 2)"},
           {"\"x\" * 1000000000000", "repeat count 1000000000000 too large"},
           {"(1, 2, 3) * 300000000", "excessive repeat (3 * 300000000 elements)"},
           {"s = \"x\" * 1000000\n\"%s%s%s%s%s%s%s%s%s\" % ((s,) * 9)", "memory limit exceeded"},
           {"(\"{0}\" * 9).format(\"x\" * 1000000)", "format: memory limit exceeded"},
           {"(\"x\" * 1000000).join([\"\"] * 10)", "join: excessive result size (9000000 bytes)"},
           {"(\"x\" * 1000000).replace(\"x\", \"x\" * 1000)",
            "replace: excessive result size (1000000000 bytes)"},
           {"str([\"x\" * 1000000] * 9)", "str: excessive result size (9000036 bytes)"},
           {"json.encode([\"x\" * 1000000] * 9)",
            "json.encode: at list index 8: memory limit exceeded"},
           {"json.indent(\"[[[1]]]\", indent = \"x\" * 1000000)",
            "json.indent: excessive result size (more than 8"},
           {"\"%1000000000d\" % 1", "unknown conversion %1"},
           {"1 << 1000000000", "shift count too large: 1000000000"}}) {
    EXPECT_THAT(running_.error(each.program), testing::StartsWith(each.error)) << each.program;
    EXPECT_LT(heap.used(), heap.limit() + (8U << 20)) << each.program;
  }
}

TEST_F(Limits, NestedData) {
  Heap& heap = running_.interpreter.heap();
  running_.interpreter.predeclare("json", make_json_module(heap));
  running_.interpreter.predeclare("struct", make_struct_function(heap));
  constexpr std::string_view kCompare = "comparison exceeded maximum recursion depth";
  constexpr std::string_view kHash = "hash exceeded maximum recursion depth";
  for (const Case& each : std::initializer_list<Case>{
           {"l == m", kCompare},
           {"l < m", kCompare},
           {"l in [m]", kCompare},
           {"t == u", kCompare},
           {"d == e", kCompare},
           {"s == r", kCompare},
           {"{t: 1}", kHash},
           {"{s: 1}", kHash},
           {"set([(s,)])", "set: hash exceeded maximum recursion depth"},
           {"len(str([l, t, d, s]))", ""},
           {"c = []\nc.append(c)\nb = []\nb.append(b)\nb == c", kCompare},
           {"c = {}\nc[1] = c\nb = {}\nb[1] = b\nb == c", kCompare},
           {"json.decode(\"[\" * 1000000)", "json.decode: at offset 501, nested too deeply"}}) {
    EXPECT_EQ(running_.error(R"(
def deep():
  l, t, d, s = [], (), {}, 1
  for i in range(20000): l, t, d, s = [l], (t,), {1: d}, struct(a = s)
  return l, t, d, s
l, t, d, s = deep()
m, u, e, r = deep()
)" + std::string(each.program)),
              each.error)
        << each.program;
  }
  EXPECT_THAT(running_.error("l = []\nfor i in range(1000): l = [l]\njson.encode(l)"),
              testing::EndsWith("at list index 0: nested too deeply"));
}

std::string repeated(std::string_view text, size_t times) {
  std::string result;
  for (size_t i = 0; i < times; ++i) result += text;
  return result;
}

TEST_F(Limits, NestedSyntax) {
  const std::string nested = "nested too deep (more than 500 levels)";
  for (std::string_view opening :
       {"(", "[", "{1: ", "-", "not ", "~", "lambda: ", "1 if 1 else ", "f(", "[a for a in "}) {
    EXPECT_EQ(running_.error("x = " + repeated(opening, 100'000) + "1"), nested) << opening;
  }
  const std::string complex = "expression is too complex (more than 3000 levels)";
  for (std::string_view link : {" + 1", " and 1", ".a", "()", "[0]"}) {
    EXPECT_EQ(running_.error("x = (1)" + repeated(link, 100'000)), complex) << link;
  }
  std::string blocks;
  for (size_t i = 0; i < 1000; ++i) blocks += repeated(" ", i) + "if 1:\n";
  EXPECT_EQ(running_.error(blocks), nested);
  EXPECT_EQ(running_.error("x = [1 " + repeated("for a in [1] ", 100'000) + "]"),
            "more than 500 clauses in a comprehension");
}

std::string numbered(std::string_view before, std::string_view after, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i) result += fmt::format("{}{}{}", before, i, after);
  return result;
}

TEST_F(Limits, LongPrograms) {
  constexpr size_t kMany = 100'000;
  for (const auto& [text, result] : std::initializer_list<std::pair<std::string, std::string>>{
           {"x = [" + repeated("1, ", 1'000'000) + "]\nresult = len(x), x[-1]", "(1000000, 1)"},
           {"x = (" + repeated("1, ", kMany) + ")\nresult = len(x)", "100000"},
           {"x = {" + numbered("", ": 1, ", kMany) + "}\nresult = len(x)", "100000"},
           {"x = \"" + repeated("a", 10'000'000) + "\"\nresult = len(x)", "10000000"},
           {"def f(*a): return len(a)\nresult = f(*[" + repeated("1, ", kMany) + "])", "100000"},
           {"def f(**a): return len(a)\nresult = f(**{" + numbered("\"a", "\": 1, ", kMany) + "})",
            "100000"},
           {"def f(" + numbered("a", ", ", kMany) + "): return a9\nresult = f(*range(100000))",
            "9"},
           {numbered("a", ", ", kMany) + "b = range(100001)\nresult = b", "100000"},
           {numbered("a", " = 1\n", kMany) + "result = a9", "1"},
           {"def f(x):\n  if x < 0: return\n" + numbered("  elif x == ", ": return x\n", 20'000) +
                "result = f(19999)",
            "19999"},
           {repeated("\n", 10'000'000) + "result = 1", "1"},
           {std::string(1'000'000, 'a') + " = 1\nresult = 1", "1"}}) {
    EXPECT_EQ(running_.result(text), result) << text.substr(0, 40);
  }
  EXPECT_EQ(running_.error("x = (" + repeated("1, ", 1'000'000) + ")"), "stack overflow");
  EXPECT_EQ(running_.error("print(" + repeated("1, ", kMany) + ")"),
            "100000 positional arguments in call, limit is 255");
  EXPECT_EQ(running_.error("print(" + numbered("a", " = 1, ", kMany) + ")"),
            "100000 keyword arguments in call, limit is 255");
}

// None of it takes a time that grows with the square of the file's size.
TEST_F(Limits, ManyMistakes) {
  constexpr size_t kMany = 100'000;
  for (const auto& [text, error] : std::initializer_list<std::pair<std::string, std::string>>{
           {std::string(kMany, '$'), "unexpected input character '$'"},
           {repeated("\"\n", kMany), "unexpected newline in string"},
           {repeated(")\n", kMany), "unexpected ')'"},
           {repeated("x = = 1\n", kMany), "got '=', want primary expression"},
           {repeated("(\n", kMany), "nested too deep (more than 500 levels)"},
           {"x = " + repeated("[", 400) + repeated("1,\n", kMany) + "= 1",
            "got '=', want ']' at the end of a list"},
           {numbered("x = undefined", "\n", kMany), "undefined: undefined0"},
           {numbered("global", " = 1\n", kMany) + numbered("x = globol", "\n", kMany),
            "undefined: globol0"}}) {
    EXPECT_EQ(running_.error(text), error) << text.substr(0, 40);
  }
  const auto undefined = running_.interpreter.execute(
      running_.thread, {"f.star", numbered("x = undefined", "\n", kMany)});
  EXPECT_EQ(undefined.error().more.size(), 999U);
}

// A second each at most where conversion is quick; minutes where its time is quadratic.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kHugeDigits = 100'000;  // which takes as long there as ten times as many elsewhere
#else
constexpr size_t kHugeDigits = 1'000'000;
#endif

TEST_F(Limits, HugeIntegers) {
  running_.interpreter.predeclare("json", make_json_module(running_.interpreter.heap()));
  const std::string digits(kHugeDigits, '7');
  const std::string number = fmt::format("int(\"7\" * {})", kHugeDigits);
  EXPECT_EQ(running_.result("result = " + digits + " % 1000"), "777");
  EXPECT_EQ(running_.result("result = 0x" + digits + " % 4096"), "1911");
  EXPECT_EQ(running_.value(number + " % 1000"), "777");
  EXPECT_EQ(running_.value(fmt::format("int(\"z\" * {}, 36) % 1296", kHugeDigits)), "1295");
  EXPECT_EQ(running_.value(fmt::format("len(\"%d\" % {0}), len(str({0}))", number)),
            fmt::format("({0}, {0})", kHugeDigits));
  EXPECT_EQ(running_.value(fmt::format("{} // int(\"7\" * {}) % 1000", number, kHugeDigits / 2)),
            "1");
  for (const auto& [text, error] : std::initializer_list<std::pair<std::string, std::string>>{
           {"x = 3\nfor i in range(40): x = x * x", ""},
           {"x = 1\nfor i in range(100000): x = x << 511", ""},
           {"x = " + repeated("7", 10'000'000), ""},
           {"x = 0x" + repeated("7", 10'000'000), ""},
           {"int(\"7\" * 10000000)", "int: "},
           {"json.decode(\"7\" * 10000000)", "json.decode: at offset 10000000, "}}) {
    EXPECT_EQ(running_.error(text), error + "integer too large (more than 8388608 bits)")
        << text.substr(0, 40);
  }
}

TEST_F(Limits, LongSearchesTakeLinearTime) {
  // Tried place by place each of these would take a minute.
  EXPECT_EQ(running_.value("(\"a\" * 4000000).find(\"a\" * 2000000 + \"b\")"), "-1");
  EXPECT_EQ(running_.value("(\"a\" * 4000000).rfind(\"b\" + \"a\" * 2000000)"), "-1");
  EXPECT_EQ(running_.value("(\"a\" * 4000000).rfind(\"a\" * 2000000 + \"b\")"), "-1");
  EXPECT_EQ(running_.value("(\"b\" + \"a\" * 99).rfind(\"b\" + \"a\" * 99)"), "0");
  EXPECT_EQ(running_.value("(\"a\" * 300).rfind(\"a\" * 100)"), "200");
  EXPECT_EQ(running_.value("(\"a\" * 4000000).strip(\"b\" * 4000000 + \"a\")"), "\"\"");
  EXPECT_EQ(running_.result("d = {i: 1 for i in range(100000)}\n"
                            "for i in range(99999):\n  for k in d: break\n  d.pop(k)\n"
                            "result = d"),
            "{99999: 1}");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kSmallStackBytes = size_t{512} << 10;  // frames are larger
#else
constexpr size_t kSmallStackBytes = size_t{256} << 10;
#endif

/// Runs on a thread with a small stack.
void on_small_stack(const std::function<void()>& body) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kSmallStackBytes), 0);
  pthread_t thread{};
  const auto call = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, call, const_cast<std::function<void()>*>(&body)),
            0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

TEST_F(Limits, SmallStack) {
  on_small_stack([&] {
    Heap& heap = running_.interpreter.heap();
    running_.interpreter.predeclare("json", make_json_module(heap));
    running_.interpreter.predeclare("struct", make_struct_function(heap));
    for (const std::string& text :
         {"x = " + repeated("(", 100'000), "x = " + repeated("lambda: ", 100'000) + "1",
          "x = 1" + repeated(" + 1", 100'000), "x = " + repeated("f(", 100'000),
          std::string("json.decode(\"[\" * 1000000)"),
          std::string("def f(n): return sorted([n], key = f)\nf(0)"),
          std::string("def f(n): return f(n + 1)\nf(0)"),
          std::string("l = []\nfor i in range(100000): l = [l]\njson.encode(l)"),
          std::string("l, m = [], []\nfor i in range(100000): l, m = [l], [m]\nl == m"),
          std::string("t = ()\nfor i in range(100000): t = (t,)\n{t: 1}"),
          std::string("s = 1\nfor i in range(100000): s = struct(a = s)\n{s: 1}"),
          "x = " + repeated("not ", 100'000) + "1", "x = " + repeated("1 if 1 else ", 100'000),
          "x = (1)" + repeated("[0]", 100'000), "x = (1)" + repeated(".a", 100'000),
          "x = [1 " + repeated("for a in [1] ", 100'000) + "]", "for " + repeated("(", 100'000)}) {
      EXPECT_NE(running_.error(text), "") << text.substr(0, 60);
    }
    EXPECT_EQ(running_.error("l = []\nfor i in range(1000000): l = [l]\ns = len(str(l))\nl = 0"),
              "");
    EXPECT_EQ(running_.value(repeated("(", 30) + "1" + repeated(")", 30)), "1");
  });
}

}  // namespace
}  // namespace mishap::starlark
