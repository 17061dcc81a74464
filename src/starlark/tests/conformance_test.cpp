#include "mishap/starlark/conformance.h"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.h"

namespace mishap::starlark {
namespace {

std::vector<std::string> messages(std::string_view text) {
  std::vector<std::string> lines;
  for (const auto& failure : run_conformance("t.star", text).failures) {
    lines.push_back(std::to_string(failure.line) + ": " + failure.message);
  }
  return lines;
}

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(MISHAP_TEST_DATA "/scripts")) {
    if (entry.path().extension() == ".star") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Script : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(Script, DoesWhatItSays) {
  const std::string name = GetParam().filename().string();
  const ConformanceReport report = run_conformance(name, read_text(GetParam()));
  EXPECT_GT(report.passed, 0U);
  for (const auto& failure : report.failures) {
    ADD_FAILURE() << name << ":" << failure.line << ": " << failure.message;
  }
}

INSTANTIATE_TEST_SUITE_P(Conformance, Script, testing::ValuesIn(scripts()),
                         [](const auto& info) { return info.param.stem().string(); });

TEST(ConformanceRunner, ReportsWhatWasNotExpected) {
  EXPECT_THAT(messages("x = 1 // 0\n"),
              testing::ElementsAre("1: unexpected error: floored division by zero"));
  EXPECT_THAT(messages("\nx = 1 ### \"boom\"\n"),
              testing::ElementsAre("2: expected an error matching \"boom\""));
  EXPECT_THAT(
      messages("x = 1 // 0 ### `by one`\n"),
      testing::ElementsAre("1: error \"floored division by zero\" does not match \"by one\""));
  EXPECT_THAT(messages("x = 1 ### boom\n"),
              testing::ElementsAre("1: what follows ### is not a quoted regular expression"));
  EXPECT_THAT(messages("fail(1) ### \"(\"\n"),
              testing::ElementsAre("1: bad regular expression: missing ): ("));
}

TEST(ConformanceRunner, TakesExpectationsWhereTheReferenceImplementationReports) {
  // A newline where something else was wanted: on the line after it.
  EXPECT_THAT(messages("x = 1 +\n### `got newline, want primary expression`\n"),
              testing::IsEmpty());
  EXPECT_THAT(messages("x = 'a'.\n### `not an identifier`\n"), testing::IsEmpty());
  // Errors of a call: where it is, or where the function begins.
  const std::string def = "def f(a):\n  return a\n";
  EXPECT_THAT(messages(def + "f() ### `missing 1 argument`\n"), testing::IsEmpty());
  EXPECT_THAT(messages("def f(a):\n  return a ### `missing 1 argument`\nf()\n"),
              testing::IsEmpty());
  EXPECT_THAT(messages("def f(a): ### `missing 1 argument`\n  return a\nf()\n"),
              testing::IsEmpty());
  EXPECT_THAT(messages("def f():\n  g()\ndef g(): ### `called recursively`\n  f()\nf()\n"),
              testing::SizeIs(2));
  EXPECT_THAT(messages(def + "f()\n"),
              testing::ElementsAre("3: unexpected error: function f missing 1 argument (a)"));
}

TEST(ConformanceRunner, MatchesWhatTheReferenceImplementationWouldSay) {
  EXPECT_THAT(messages("class A: pass ### `^got illegal token, want primary expression$`\n"),
              testing::IsEmpty());
  EXPECT_THAT(
      messages("count = 1\nx = coutn ### `^undefined: coutn \\(did you mean count\\?\\)$`\n"),
      testing::IsEmpty());
  EXPECT_THAT(
      messages("class A: pass ### `boom`\n"),
      testing::ElementsAre("1: error \"'class' is not in the language\" does not match \"boom\""));
}

TEST(ConformanceRunner, KeepsLineNumbersAcrossChunks) {
  const auto report = run_conformance("t.star", "x = 1\n---\ny = x\n---\nz = 1\n");
  EXPECT_EQ(report.passed, 2U);
  EXPECT_EQ(report.failed, 1U);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].line, 3);
}

TEST(ConformanceRunner, GoesOnAfterFailedAssertions) {
  EXPECT_THAT(
      messages("load('assert.star', 'assert')\n"
               "assert.eq(1, 2)\n"
               "assert.ne(1, 1)\n"
               "assert.true(0)\n"
               "assert.true(0, 'why')\n"
               "assert.lt(2, 1)\n"
               "assert.contains([1], 2)\n"
               "assert.fail('no')\n"
               "assert.fails(lambda: 1, 'x')\n"
               "assert.fails(lambda: fail('a'), 'b')\n"),
      testing::ElementsAre(
          "2: unexpected error: 1 != 2", "3: unexpected error: 1 == 1",
          "4: unexpected error: assertion failed", "5: unexpected error: why",
          "6: unexpected error: 2 is not less than 1",
          "7: unexpected error: [1] does not contain 2", "8: unexpected error: no",
          "9: unexpected error: evaluation succeeded unexpectedly (want error matching \"x\")",
          "10: unexpected error: regular expression (b) did not match error (fail: a)"));
}

TEST(ConformanceRunner, SwitchesDialectOptionsPerChunk) {
  EXPECT_THAT(messages("# option:set\nx = set([1])\n---\n# option:toplevelcontrol option:while\n"
                       "while False:\n  pass\n---\n# option:globalreassign\na = 1\na = 2\n"),
              testing::IsEmpty());
  EXPECT_THAT(messages("if True:\n  pass\n"), testing::SizeIs(1));
}

}  // namespace
}  // namespace mishap::starlark
