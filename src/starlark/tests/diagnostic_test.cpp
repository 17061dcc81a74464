#include "mishap/starlark/diagnostic.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mishap::starlark {
namespace {

Diagnostic undefined_name() {
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kResolve;
  diagnostic.pos = {"spec.star", 2, 7};
  diagnostic.end_line = 2;
  diagnostic.end_column = 14;
  diagnostic.message = "undefined: srevice";
  diagnostic.hint = "did you mean service?";
  return diagnostic;
}

Sources sources_with(std::string text) {
  Sources sources;
  sources.add("spec.star", std::move(text));
  return sources;
}

TEST(Diagnostic, IsOneLineForPrograms) {
  EXPECT_EQ(undefined_name().text(), "spec.star:2:7: undefined: srevice (did you mean service?)");
  Diagnostic bare;
  bare.message = "no such file";
  EXPECT_EQ(bare.text(), "no such file");
}

TEST(Diagnostic, ShowsTheLineAndMarksTheRange) {
  EXPECT_EQ(render(undefined_name(), sources_with("# one\napi = srevice(\"api\")\n")),
            "spec.star:2:7: error: undefined: srevice\n"
            "     2 | api = srevice(\"api\")\n"
            "       |       ^~~~~~~\n"
            "       help: did you mean service?\n");
}

TEST(Diagnostic, LeavesOutLinesItDoesNotKnow) {
  EXPECT_EQ(render(undefined_name(), Sources()),
            "spec.star:2:7: error: undefined: srevice\n       help: did you mean service?\n");
  EXPECT_EQ(render(undefined_name(), sources_with("only one line")),
            "spec.star:2:7: error: undefined: srevice\n       help: did you mean service?\n");
}

TEST(Diagnostic, MarksOneCharacterOfALongerRange) {
  Diagnostic diagnostic = undefined_name();
  diagnostic.hint = "";
  diagnostic.end_line = 3;
  EXPECT_EQ(render(diagnostic, sources_with("\r\napi = f(\r\n1)")),
            "spec.star:2:7: error: undefined: srevice\n     2 | api = f(\n       |       ^\n");
}

TEST(Diagnostic, MarksBelowTabsAndWideText) {
  Diagnostic diagnostic = undefined_name();
  diagnostic.hint = "";
  diagnostic.pos = {"spec.star", 1, 6};
  diagnostic.end_line = 1;
  diagnostic.end_column = 8;
  EXPECT_EQ(render(diagnostic, sources_with("\täö = xy")),
            "spec.star:1:6: error: undefined: srevice\n     1 | \täö = xy\n       | \t    ^~\n");
}

TEST(Diagnostic, PaintsOnlyWhenAsked) {
  Diagnostic diagnostic = undefined_name();
  RenderStyle style;
  style.color = true;
  EXPECT_EQ(render(diagnostic, sources_with("\napi = srevice"), style),
            "\x1b[1mspec.star:2:7:\x1b[0m \x1b[1;31merror:\x1b[0m undefined: srevice\n"
            "     2 | api = srevice\n"
            "       | \x1b[1;31m      ^~~~~~~\x1b[0m\n"
            "       \x1b[1;36mhelp:\x1b[0m did you mean service?\n");
}

TEST(Diagnostic, SeparatesSeveral) {
  Diagnostic first, second;
  first.pos = {"a", 1, 1};
  first.message = "one";
  second.pos = {"a", 2, 1};
  second.message = "two";
  std::vector<Diagnostic> both = {first, second};
  EXPECT_EQ(render(both, Sources()), "a:1:1: error: one\n\na:2:1: error: two\n");
}

TEST(Diagnostic, PrecedesEvaluationErrorsByTheirStack) {
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kEvaluation;
  diagnostic.pos = {"spec.star", 2, 3};
  diagnostic.message = "fail: no";
  diagnostic.stack = {
      {"<toplevel>", {"spec.star", 4, 2}}, {"f", {"spec.star", 2, 3}}, {"fail", {}}};
  EXPECT_EQ(traceback(diagnostic),
            "Traceback (most recent call last):\n"
            "  spec.star:4:2: in <toplevel>\n"
            "  spec.star:2:3: in f\n"
            "Error in fail: fail: no");
  EXPECT_EQ(render(diagnostic, sources_with("def f():\n  fail(\"no\")\n\nf()\n")),
            "Traceback (most recent call last):\n"
            "  spec.star:4:2: in <toplevel>\n"
            "  spec.star:2:3: in f\n"
            "spec.star:2:3: error: fail: no\n"
            "     2 |   fail(\"no\")\n"
            "       |   ^\n");
  diagnostic.stack.pop_back();
  EXPECT_EQ(traceback(diagnostic),
            "Traceback (most recent call last):\n"
            "  spec.star:4:2: in <toplevel>\n"
            "  spec.star:2:3: in f\n"
            "Error: fail: no");
  RenderStyle style;
  style.traceback = false;
  EXPECT_EQ(render(diagnostic, Sources(), style), "spec.star:2:3: error: fail: no\n");
}

// A message of several lines must not lose its first ones to the traceback's end.
TEST(Diagnostic, KeepsMessagesOfSeveralLines) {
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kEvaluation;
  diagnostic.pos = {"spec.star", 2, 3};
  diagnostic.message = "fail: one\ntwo";
  diagnostic.stack = {{"<toplevel>", {"spec.star", 4, 2}}, {"f", {"spec.star", 2, 3}}};
  EXPECT_EQ(render(diagnostic, Sources()),
            "Traceback (most recent call last):\n"
            "  spec.star:4:2: in <toplevel>\n"
            "  spec.star:2:3: in f\n"
            "spec.star:2:3: error: fail: one\ntwo\n");
}

TEST(Sources, KnowLines) {
  Sources sources = sources_with("a\r\nb\n");
  EXPECT_EQ(sources.line("spec.star", 1), "a");
  EXPECT_EQ(sources.line("spec.star", 2), "b");
  EXPECT_EQ(sources.line("spec.star", 3), "");
  EXPECT_EQ(sources.line("spec.star", 9), "");
  EXPECT_EQ(sources.line("spec.star", 0), "");
  EXPECT_EQ(sources.line("other.star", 1), "");
}

}  // namespace
}  // namespace mishap::starlark
