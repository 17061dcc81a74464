// From text to tokens, indentation included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/ast.h"
#include "mishap/starlark/diagnostic.h"

namespace mishap::starlark {

enum class TokenKind : uint8_t {
  kEnd,
  kNewline,
  kIndent,
  kOutdent,
  kError,
  kIdentifier,
  kInt,
  kFloat,
  kString,
  kBytes,
  kKeyword,
  kReserved,
  kPunctuation,
};

/// `text` points into the source, or into the arena for a decoded string. A keyword, reserved word
/// or punctuation mark is told by its text.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  ast::Span span;
  bool is(std::string_view word) const {
    return (kind == TokenKind::kKeyword || kind == TokenKind::kPunctuation) && text == word;
  }
};

/// All tokens of a text. Errors (bad escapes, unclosed strings, inconsistent indentation) are added
/// to `diagnostics`; scanning goes on after each, so that several are found. The list ends with
/// kEnd.
class Scanner {
 public:
  Scanner(const std::string& file, std::string_view text, int first_line, ast::Arena& arena,
          std::vector<Diagnostic>& diagnostics);
  std::vector<Token> scan();

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void advance();
  void advance(size_t count);
  ast::Position here() const { return {line_, column_}; }
  void error(ast::Position at, std::string message, std::string hint = "");
  void push(TokenKind kind, std::string_view text, ast::Position begin);

  void line_start();
  void skip_blank_and_comment();
  void newline();
  void token();
  void number();
  void identifier();
  bool string_start() const;
  void string();
  void escape(std::string& out, bool bytes, ast::Position begin, char quote);
  void numbered_escape(std::string& out, bool bytes, ast::Position begin, char quote);
  void refuse_binary();
  size_t name_length() const;
  void refuse_character(ast::Position begin);
  void punctuation();

  const std::string& file_;
  std::string_view text_;
  ast::Arena& arena_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<Token> tokens_;
  std::vector<int> indents_ = {0};
  size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
  int depth_ = 0;  // of brackets: inside, line ends do not count
};

/// Words with a meaning of their own in the grammar.
bool is_keyword(std::string_view word);
/// Words of Python that the language keeps from being names.
bool is_reserved(std::string_view word);

}  // namespace mishap::starlark
