// The code of docs/starlark.md, as it stands there, between lines of "docs:". It is compiled and
// run here, and compared with the page.
#include <filesystem>
#include <sstream>
#include <utility>

#include <gtest/gtest.h>

#include "files.h"

// docs: begin
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/starlark.h"
using namespace mishap::starlark;

// Calls the function main of a file. What goes wrong is added to `errors`, for a person to read.
Value run_main(const std::string& text, std::string& errors) {
  Interpreter interpreter(Dialect{.allow_while = true});
  interpreter.predeclare("answer", Value::integer(42));
  Thread thread(interpreter);
  thread.set_step_limit(10'000'000);        // calls and rounds of loops
  interpreter.heap().set_limit(256 << 20);  // bytes

  Sources sources;  // for the lines that errors show
  sources.add("config.star", text);
  auto module = interpreter.execute(thread, {"config.star", text});
  if (!module) {
    errors += render(module.error(), sources, {.color = false});
    return Value::none();
  }
  const Value main = (*module)->global("main");
  if (!main.is_valid()) {
    errors += "config.star defines no main\n";
    return Value();
  }
  Outcome result = thread.run(main, {Value::integer(1)});
  if (!result) {
    errors += render(result.error(), sources);
    return Value::none();
  }
  return *result;
}
// docs: end

// docs: begin
mishap::Result<Value> repeat(CallContext& call) {
  const int64_t times = call.has(1) ? call.integer(1) : 2;
  if (times < 0 || times > 1000) return call.error("times must be from 0 to 1000");
  std::string text;
  for (int64_t i = 0; i < times; ++i) text += call.text(0);
  return call.heap().string(text);
}

void add_repeat(Interpreter& interpreter) {
  Signature signature = Signature("repeat")
                            .required("text", types::kString)
                            .keyword_only()
                            .optional("times", types::kInt);
  interpreter.predeclare("repeat", make_builtin(interpreter.heap(), signature, repeat));
}
// docs: end

namespace {

// The lines between those that begin and end a part, one part after the other.
std::string parts_of(const std::string& text, std::string_view begin, std::string_view end) {
  std::istringstream lines(text);
  std::string parts;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (inside && line == end) {
      inside = false;
    } else if (inside) {
      parts += line + "\n";
    } else {
      inside = line == begin;
    }
  }
  return parts;
}

TEST(Example, IsWhatThePageShows) {
  const std::filesystem::path tests = MISHAP_TEST_DATA;
  const std::string here =
      parts_of(read_text(tests / "example_test.cpp"), "// docs: begin", "// docs: end");
  const std::string page =
      parts_of(read_text(tests / "../../../docs/starlark.md"), "```cpp", "```");
  EXPECT_FALSE(here.empty());
  EXPECT_EQ(here, page);
}

TEST(Example, RunsAFunction) {
  std::string errors;
  EXPECT_EQ(run_main("def main(x):\n    return answer + x\n", errors).as_int64(), 43);
  EXPECT_EQ(errors, "");
  EXPECT_FALSE(run_main("x = 1\n", errors).is_valid());
  EXPECT_EQ(std::exchange(errors, ""), "config.star defines no main\n");
  EXPECT_TRUE(run_main("def main(x):\n    return nothing\n", errors).is_none());
  EXPECT_TRUE(run_main("def main(x):\n    return x // 0\n", errors).is_none());
  EXPECT_EQ(errors,
            "config.star:2:12: error: undefined: nothing\n"
            "     2 |     return nothing\n"
            "       |            ^~~~~~~\n"
            "config.star:2:14: error: floored division by zero\n"
            "     2 |     return x // 0\n"
            "       |              ^\n");
}

TEST(Example, OffersAFunction) {
  Interpreter interpreter{Dialect{}};
  add_repeat(interpreter);
  Thread thread(interpreter);
  const auto value = interpreter.evaluate(thread, {"e", "repeat('ab') + repeat('c', times = 3)"});
  ASSERT_TRUE(value);
  EXPECT_EQ(value->text(), "ababccc");
  const auto message = [&](const std::string& text) {
    const auto outcome = interpreter.evaluate(thread, {"e", text});
    return outcome ? std::string() : outcome.error().message;
  };
  EXPECT_EQ(message("repeat()"), "repeat: missing argument for text");
  EXPECT_EQ(message("repeat('a', times = 'b')"),
            "repeat: for parameter times: got string, want int");
  EXPECT_EQ(message("repeat('a', times = -1)"), "repeat: times must be from 0 to 1000");
}

}  // namespace
