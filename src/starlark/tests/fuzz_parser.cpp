// Any text through the scanner, the parser, the resolver and the compiler, under any dialect.
#include "mishap/starlark/parser.h"
#include "mishap/starlark/resolver.h"

#include "compiler.h"
#include "fuzzing.h"
#include "scanner.h"

namespace mishap::testing {
namespace {

using namespace starlark;

const std::string kFile = "fuzz.star";
const std::vector<std::string> kPredeclared = {"service", "fault"};
const std::vector<std::string> kUniversal = {"None", "True", "False", "len", "range", "set"};

bool before(ast::Position a, ast::Position b) {
  return a.line < b.line || (a.line == b.line && a.column <= b.column);
}

/// Tokens stand in the order of the text; blocks are closed.
void scan(std::string_view text) {
  ast::Arena arena;
  std::vector<Diagnostic> diagnostics;
  const std::vector<Token> tokens = Scanner(kFile, text, 1, arena, diagnostics).scan();
  MISHAP_CHECK(!tokens.empty() && tokens.back().kind == TokenKind::kEnd);
  int depth = 0;
  ast::Position begin{1, 1};
  for (const Token& token : tokens) {
    MISHAP_CHECK(before(begin, token.span.begin), "{}:{} \"{}\"", token.span.begin.line,
                 token.span.begin.column, token.text);
    MISHAP_CHECK(before(token.span.begin, token.span.end));
    begin = token.span.begin;
    if (token.kind == TokenKind::kIndent) ++depth;
    if (token.kind == TokenKind::kOutdent) --depth;
    MISHAP_CHECK(depth >= 0);
  }
  MISHAP_CHECK(depth == 0);
}

void check_places(const std::vector<Diagnostic>& diagnostics, std::string_view text) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const Diagnostic& diagnostic : diagnostics) {
    MISHAP_CHECK(!diagnostic.message.empty());
    MISHAP_CHECK(diagnostic.pos.line >= 1 && diagnostic.pos.line <= lines + 1, "line {} of {}: {}",
                 diagnostic.pos.line, lines, diagnostic.message);
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds = testing_support::script_seeds({testing_support::kEveryOption});
  for (std::string_view opening : {"(", "[", "{", "-", "not ", "lambda: ", "x if y else ", "a."}) {
    std::string deep(1, '\0');
    for (int i = 0; i < 2000; ++i) deep += opening;
    seeds.push_back(deep);
  }
  return seeds;
}

/// The first byte is the dialect.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const Dialect dialect = testing_support::read_dialect(in);
  scan(in.rest());
  wants_more(in.rest());
  for (auto* read : {&parse, &parse_expression}) {
    ParseOutcome outcome = read(kFile, in.rest(), dialect, 1);
    MISHAP_CHECK(outcome.diagnostics.size() <= kMaxSyntaxErrors);
    MISHAP_CHECK((outcome.module != nullptr) == outcome.diagnostics.empty());
    check_places(outcome.diagnostics, in.rest());
    if (!outcome.module) continue;
    const auto problems = resolve(*outcome.module, {kPredeclared, kUniversal}, dialect);
    check_places(problems, in.rest());
    if (!problems.empty()) continue;
    Heap heap;
    auto program = compile_module(*outcome.module, dialect, heap);
    MISHAP_CHECK(program ? *program != nullptr : !program.error().message.empty());
  }
}

}  // namespace mishap::testing
