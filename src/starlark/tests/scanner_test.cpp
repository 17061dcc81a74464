#include "scanner.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

namespace mishap::starlark {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::string shown(const Token& token) {
  std::string at =
      std::to_string(token.span.begin.line) + ":" + std::to_string(token.span.begin.column) + " ";
  switch (token.kind) {
    case TokenKind::kEnd:
      return at + "END";
    case TokenKind::kNewline:
      return at + "NEWLINE";
    case TokenKind::kIndent:
      return at + "INDENT";
    case TokenKind::kOutdent:
      return at + "OUTDENT";
    case TokenKind::kError:
      return at + "ERROR";
    case TokenKind::kIdentifier:
      return at + "name " + std::string(token.text);
    case TokenKind::kInt:
      return at + "int " + std::string(token.text);
    case TokenKind::kFloat:
      return at + "float " + std::string(token.text);
    case TokenKind::kString:
      return at + "string " + std::string(token.text);
    case TokenKind::kBytes:
      return at + "bytes " + std::string(token.text);
    case TokenKind::kKeyword:
      return at + "keyword " + std::string(token.text);
    case TokenKind::kReserved:
      return at + "reserved " + std::string(token.text);
    case TokenKind::kPunctuation:
      return at + std::string(token.text);
  }
  return at + "?";
}

struct Scanned {
  ast::Arena arena;
  std::vector<std::string> tokens;
  std::vector<std::string> errors;
  std::vector<Token> raw;
};

std::unique_ptr<Scanned> scan(std::string_view text, int first_line = 1) {
  auto scanned = std::make_unique<Scanned>();
  std::vector<Diagnostic> diagnostics;
  std::string file = "f";
  scanned->raw = Scanner(file, text, first_line, scanned->arena, diagnostics).scan();
  for (const auto& token : scanned->raw) scanned->tokens.push_back(shown(token));
  for (const auto& diagnostic : diagnostics) scanned->errors.push_back(diagnostic.text());
  return scanned;
}

/// The decoded value of the only token of a text.
std::string decoded(std::string_view text) {
  auto scanned = scan(text);
  EXPECT_THAT(scanned->errors, IsEmpty()) << text;
  return std::string(scanned->raw.front().text);
}

std::vector<std::string> errors(std::string_view text) { return scan(text)->errors; }

TEST(Scanner, TellsKindsAndPositions) {
  auto scanned = scan("def f(x): return x.del + 0x1F // 1.5e3 #c\nimport");
  EXPECT_THAT(scanned->errors, IsEmpty());
  EXPECT_THAT(scanned->tokens,
              ElementsAre("1:1 keyword def", "1:5 name f", "1:6 (", "1:7 name x", "1:8 )",
                          "1:9 :", "1:11 keyword return", "1:18 name x", "1:19 .", "1:20 name del",
                          "1:24 +", "1:26 int 0x1F", "1:31 //", "1:34 float 1.5e3", "1:42 NEWLINE",
                          "2:1 reserved import", "2:7 END"));
}

TEST(Scanner, MakesBlocksFromIndentation) {
  auto scanned = scan("if a:\n  if b:\n\tc\n\n# note\n  d\ne");
  EXPECT_THAT(scanned->errors, IsEmpty());
  EXPECT_THAT(scanned->tokens,
              ElementsAre("1:1 keyword if", "1:4 name a", "1:5 :", "1:6 NEWLINE", "2:1 INDENT",
                          "2:3 keyword if", "2:6 name b", "2:7 :", "2:8 NEWLINE", "3:1 INDENT",
                          "3:2 name c", "3:3 NEWLINE", "6:1 OUTDENT", "6:3 name d", "6:4 NEWLINE",
                          "7:1 OUTDENT", "7:1 name e", "7:2 END"));
}

TEST(Scanner, LinesDoNotEndInBrackets) {
  auto scanned = scan("f(\n   1,\n)\nx = 1 + \\\n  2");
  EXPECT_THAT(scanned->errors, IsEmpty());
  EXPECT_THAT(scanned->tokens,
              ElementsAre("1:1 name f", "1:2 (", "2:4 int 1", "2:5 ,", "3:1 )", "3:2 NEWLINE",
                          "4:1 name x", "4:3 =", "4:5 int 1", "4:7 +", "5:3 int 2", "5:4 END"));
}

TEST(Scanner, CountsColumnsInCodePoints) {
  EXPECT_THAT(scan("\"äöü€😀\" + x")->tokens,
              ElementsAre("1:1 string äöü€😀", "1:9 +", "1:11 name x", "1:12 END"));
}

TEST(Scanner, TakesWhatEditorsWrite) {
  EXPECT_THAT(
      scan("\xEF\xBB\xBFx\r\nif y:\r\n  z\r\n")->tokens,
      ElementsAre("1:1 name x", testing::_, "2:1 keyword if", "2:4 name y", "2:5 :", testing::_,
                  "3:1 INDENT", "3:3 name z", testing::_, "4:1 OUTDENT", "4:1 END"));
  EXPECT_EQ(scan("x", 40)->tokens.front(), "40:1 name x");
  EXPECT_THAT(scan("")->tokens, ElementsAre("1:1 END"));
  EXPECT_THAT(scan("\n # only a comment")->tokens, ElementsAre("2:18 END"));
}

TEST(Scanner, DecodesStrings) {
  struct Case {
    std::string_view text, value;
  };
  const Case cases[] = {
      {R"("a\tb\n\\\"\'")", "a\tb\n\\\"'"},
      {R"('\x41\101\u00e9\U0001F600')", "AAé😀"},
      {R"(r"a\tb\"")", R"(a\tb\")"},
      {"'''a\n'b''c\n'''", "a\n'b''c\n"},
      {"\"a\\\nb\"", "ab"},
      {"'''a\r\nb'''", "a\nb"},
      {"r'''a\\\r\nb'''", "a\\\nb"},
      {R"("")", ""},
      {R"(b"\xff\377a")",
       "\xff\xff"
       "a"},
      {R"(rb"\x")", R"(\x)"},
      {R"(BR'\x')", R"(\x)"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(decoded(text), value) << text;
}

TEST(Scanner, Refuses) {
  struct Case {
    std::string_view text, error;
  };
  const Case cases[] = {
      {"x = 'abc\ny", "f:1:5: unexpected newline in string (end it with ')"},
      {"x = '''abc\ny", "f:1:5: unexpected EOF in string (end it with ''')"},
      {R"("\x4")",
       "f:1:2: truncated escape sequence \\x4 (\\x is followed by 2 hexadecimal digits)"},
      {R"("\u00")",
       "f:1:2: truncated escape sequence \\u00 (\\u is followed by 4 hexadecimal digits)"},
      {R"("\U0001")",
       "f:1:2: truncated escape sequence \\U0001 (\\U is followed by 8 hexadecimal digits)"},
      {R"("\xff")",
       "f:1:2: non-ASCII hex escape \\xff (use \\u00FF for the UTF-8 encoding of U+00FF)"},
      {R"("\377")",
       "f:1:2: non-ASCII octal escape \\377 (use \\u00FF for the UTF-8 encoding of U+00FF)"},
      {R"(b"\400")", "f:1:3: invalid escape sequence \\400"},
      {R"("\ud800")", "f:1:2: invalid Unicode code point U+D800"},
      {R"("\U00110000")", "f:1:2: code point out of range: \\U00110000 (max \\U0010ffff)"},
      {R"("\d+")",
       "f:1:2: invalid escape sequence \\d (write \\\\ for a backslash, or a raw string r\"…\")"},
      {R"("\é")",
       "f:1:2: invalid escape sequence \\é (write \\\\ for a backslash, or a raw string r\"…\")"},
      {"'\\\x01'",
       "f:1:2: invalid escape sequence: a control character follows the backslash (write \\\\ for "
       "a "
       "backslash, or a raw string r\"…\")"},
      {R"("\xg1")",
       "f:1:2: invalid escape sequence \\xg1 (\\x is followed by 2 hexadecimal digits)"},
      {R"("\u12g4")",
       "f:1:2: invalid escape sequence \\u12g4 (\\u is followed by 4 hexadecimal digits)"},
      {"0755", "f:1:1: obsolete form of octal literal; use 0o755"},
      {"0x", "f:1:1: invalid hex literal"},
      {"0o9", "f:1:1: invalid octal literal"},
      {"0b2", "f:1:1: invalid binary literal"},
      {"1e+", "f:1:1: invalid float literal"},
      {"1e400", "f:1:1: invalid float literal (the largest is 1.8e308)"},
      {"a \\ b", "f:1:3: stray backslash in program"},
      {"!a", "f:1:1: unexpected input character '!' (write not)"},
      {"a ? b", "f:1:3: unexpected input character '?'"},
      {"a \x01", "f:1:3: unexpected input character '\\x01'"},
      {"a “b", "f:1:3: unexpected input character '“' (write plain quotes: \"…\")"},
      {"a\u00a0b", "f:1:2: unexpected input character U+00A0 (write an ordinary blank)"},
      {"@a",
       "f:1:1: unexpected input character '@' (there are no decorators; call the function: "
       "f(g))"},
      {"é = 1\n'a\0b' ?"sv,
       "f:2:3: the file is not text: it has a NUL byte (save it as UTF-8 text)"},
      {"# caf\xe9\n?",
       "f:1:6: the file is not UTF-8: it has the byte 0xe9 (save it as UTF-8 text)"},
      {"if a:\n    b\n  c", "f:3:3: unindent does not match any outer indentation level"},
  };
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(errors(text), ElementsAre(std::string(error))) << text;
  }
}

// An indentation between two levels once left the outermost level lost, and the next line without
// any had nothing to return to.
TEST(Scanner, KeepsBlocksBalancedWhenIndentationIsWrong) {
  for (std::string_view text : {"if a:\n    b\n  c\nd\n", "if a:\n    b\n  c\n d\ne\n",
                                "if a:\n  if b:\n      c\n    d\n  e\nf"}) {
    auto scanned = scan(text);
    int level = 0;
    for (const auto& token : scanned->raw) {
      if (token.kind == TokenKind::kIndent) ++level;
      if (token.kind == TokenKind::kOutdent) --level;
      EXPECT_GE(level, 0) << text;
    }
    EXPECT_EQ(level, 0) << text;
  }
}

TEST(Scanner, StopsCollectingErrors) { EXPECT_EQ(errors(std::string(100'000, '$')).size(), 20u); }

TEST(Scanner, KnowsTheWords) {
  for (const char* word : {"and", "load", "while", "lambda"}) EXPECT_TRUE(is_keyword(word)) << word;
  for (const char* word : {"import", "is", "yield", "async"})
    EXPECT_TRUE(is_reserved(word)) << word;
  EXPECT_FALSE(is_keyword("service"));
  EXPECT_FALSE(is_reserved("print"));
}

}  // namespace
}  // namespace mishap::starlark
