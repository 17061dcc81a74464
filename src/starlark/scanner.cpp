#include "scanner.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "mishap/starlark/parser.h"

#include "float_text.h"
#include "unicode.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

constexpr std::array kKeywords = {"and", "break", "continue", "def",    "elif", "else",
                                  "for", "if",    "in",       "lambda", "load", "not",
                                  "or",  "pass",  "return",   "while"};
constexpr std::array kReservedWords = {"as",      "async", "await",  "class",  "del", "except",
                                       "finally", "from",  "global", "import", "is",  "nonlocal",
                                       "raise",   "try",   "with",   "yield"};
// Longest first, so that the first that fits is the right one.
constexpr auto kMarks = std::to_array<std::string_view>(
    {"//=", "<<=", ">>=", "**", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "==", "!=",
     "<=",  ">=",  "<<",  ">>", "//", "+",  "-",  "*",  "/",  "%",  "&",  "|",  "^",  "~",
     "<",   ">",   "=",   ".",  ",",  ":",  ";",  "(",  ")",  "[",  "]",  "{",  "}"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A string is text: a byte beyond ASCII is not written as a number.
std::string non_ascii(std::string_view what, std::string_view written, uint32_t value) {
  return fmt::format("non-ASCII {} escape {} (use \\u{:04X} for the UTF-8 encoding of U+{:04X})",
                     what, written, value, value);
}

bool fits_double(std::string_view literal) { return parse_float(literal).has_value(); }

}  // namespace

bool is_keyword(std::string_view word) {
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
}
bool is_reserved(std::string_view word) {
  return std::find(kReservedWords.begin(), kReservedWords.end(), word) != kReservedWords.end();
}

Scanner::Scanner(const std::string& file, std::string_view text, int first_line, ast::Arena& arena,
                 std::vector<Diagnostic>& diagnostics)
    : file_(file), text_(text), arena_(arena), diagnostics_(diagnostics), line_(first_line) {
  if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
}

void Scanner::advance() {
  char c = text_[at_++];
  if (c == '\n') {
    ++line_;
    column_ = 1;
  } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {
    ++column_;
  }
}

void Scanner::advance(size_t count) {
  for (size_t i = 0; i < count && !at_end(); ++i) advance();
}

void Scanner::error(ast::Position at, std::string message, std::string hint) {
  if (diagnostics_.size() >= kMaxSyntaxErrors) return;  // found in order: the first are shown
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kSyntax;
  diagnostic.pos = {file_, at.line, at.column};
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostics_.push_back(std::move(diagnostic));
}

void Scanner::push(TokenKind kind, std::string_view text, ast::Position begin) {
  tokens_.push_back({kind, text, {begin, here()}});
}

/// A file that is not text is told once, where that shows, and not read at all.
void Scanner::refuse_binary() {
  ast::Position at = here();
  for (size_t i = 0; i < text_.size(); ++at.column) {
    Rune rune = decode_rune(text_.substr(i));
    if (rune.value == 0 || rune.invalid()) {
      error(at,
            rune.value == 0 ? std::string("the file is not text: it has a NUL byte")
                            : fmt::format("the file is not UTF-8: it has the byte 0x{:02x}",
                                          static_cast<unsigned char>(text_[i])),
            "save it as UTF-8 text");
      text_ = {};
      return;
    }
    i += rune.width;
    if (rune.value == '\n') at = {at.line + 1, 0};
  }
}

std::vector<Token> Scanner::scan() {
  refuse_binary();
  line_start();
  while (!at_end()) token();
  const bool in_block = indents_.size() > 1 && depth_ == 0;
  if (in_block && tokens_.back().kind != TokenKind::kNewline &&
      tokens_.back().kind != TokenKind::kOutdent) {
    push(TokenKind::kNewline, "", here());
  }
  for (size_t level = 1; level < indents_.size(); ++level) push(TokenKind::kOutdent, "", here());
  push(TokenKind::kEnd, "", here());
  return std::move(tokens_);
}

/// Measures the indentation of the next line that holds more than blanks and a comment.
void Scanner::line_start() {
  while (true) {
    int width = 0;
    while (peek() == ' ' || peek() == '\t') {
      width = peek() == ' ' ? width + 1 : (width / 8 + 1) * 8;
      advance();
    }
    if (peek() == '#') skip_blank_and_comment();
    if (peek() == '\r' && peek(1) == '\n') advance();
    if (at_end()) return;
    if (peek() == '\n') {
      advance();
      continue;
    }
    ast::Position begin{line_, 1};
    if (width > indents_.back()) {
      indents_.push_back(width);
      push(TokenKind::kIndent, "", begin);
      return;
    }
    while (width < indents_.back()) {
      // Between two levels: take it for a line of the inner block, so that blocks stay balanced.
      if (width > indents_[indents_.size() - 2]) {
        error(here(), "unindent does not match any outer indentation level");
        indents_.back() = width;
        return;
      }
      indents_.pop_back();
      push(TokenKind::kOutdent, "", begin);
    }
    return;
  }
}

void Scanner::skip_blank_and_comment() {
  while (peek() == ' ' || peek() == '\t' || (peek() == '\r' && peek(1) == '\n')) advance();
  if (peek() != '#') return;
  while (!at_end() && peek() != '\n') advance();
}

void Scanner::newline() {
  if (depth_ > 0) {
    advance();
    return;
  }
  ast::Position begin = here();
  advance();
  tokens_.push_back({TokenKind::kNewline, "", {begin, begin}});
  line_start();
}

void Scanner::token() {
  skip_blank_and_comment();
  if (at_end()) return;
  char c = peek();
  if (c == '\n') return newline();
  if (c == '\\') {
    if (peek(1) == '\n' || (peek(1) == '\r' && peek(2) == '\n')) {
      advance(peek(1) == '\n' ? 2 : 3);
      return;
    }
    error(here(), "stray backslash in program");
    return advance();
  }
  if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
  if (string_start()) return string();
  if (name_length() > 0) return identifier();
  punctuation();
}

/// Bytes of the letter, digit or underscore at hand; 0 when there is none.
size_t Scanner::name_length() const {
  char c = peek();
  if (static_cast<unsigned char>(c) < 0x80) return is_name(c) ? 1 : 0;
  Rune rune = decode_rune(text_.substr(at_));
  return unicode::is_letter(rune.value) || unicode::is_digit(rune.value) ? rune.width : 0;
}

void Scanner::number() {
  ast::Position begin = here();
  size_t start = at_;
  auto digits = [&](auto accepts) {
    while (accepts(peek())) advance();
  };
  char mark = static_cast<char>(peek(1) | 0x20);
  bool is_float = false;
  if (peek() == '0' && (mark == 'x' || mark == 'o' || mark == 'b')) {
    advance(2);
    size_t first = at_;
    if (mark == 'x') digits([](char c) { return hex_value(c) >= 0; });
    if (mark == 'o') digits([](char c) { return c >= '0' && c <= '7'; });
    if (mark == 'b') digits([](char c) { return c == '0' || c == '1'; });
    if (at_ == first)
      error(begin, fmt::format("invalid {} literal", mark == 'x'   ? "hex"
                                                     : mark == 'o' ? "octal"
                                                                   : "binary"));
  } else {
    digits(is_digit);
    if (peek() == '.') {
      is_float = true;
      advance();
      digits(is_digit);
    }
    if (peek() == 'e' || peek() == 'E') {
      is_float = true;
      advance();
      if (peek() == '+' || peek() == '-') advance();
      if (!is_digit(peek())) error(begin, "invalid float literal");
      digits(is_digit);
    }
  }
  std::string_view text = text_.substr(start, at_ - start);
  if (is_float && is_digit(text.back() == '.' ? '0' : text.back()) && !fits_double(text))
    error(begin, "invalid float literal", "the largest is 1.8e308");
  if (!is_float && text.size() > 1 && text[0] == '0' && is_digit(text[1]) &&
      text.find_first_not_of('0') != std::string_view::npos) {
    const bool octal = text.find_first_of("89") == std::string_view::npos;
    if (octal)
      error(begin, "obsolete form of octal literal; use 0o" + std::string(text.substr(1)));
    else
      error(begin, "invalid int literal", "a decimal number does not begin with 0");
  }
  push(is_float ? TokenKind::kFloat : TokenKind::kInt, text, begin);
}

void Scanner::identifier() {
  ast::Position begin = here();
  size_t start = at_;
  while (!at_end() && name_length() > 0) advance(name_length());
  std::string_view word = text_.substr(start, at_ - start);
  // Directly after a dot a word that has no use of its own names a member: `.del(…)`.
  bool member = !tokens_.empty() && tokens_.back().is(".");
  TokenKind kind = TokenKind::kIdentifier;
  if (is_keyword(word)) kind = TokenKind::kKeyword;
  if (!member && is_reserved(word)) kind = TokenKind::kReserved;
  push(kind, word, begin);
}

bool Scanner::string_start() const {
  size_t i = 0;
  while (i < 2 && (peek(i) == 'r' || peek(i) == 'b' || peek(i) == 'R' || peek(i) == 'B')) ++i;
  if (i == 2 && (peek(0) | 0x20) == (peek(1) | 0x20)) return false;
  return peek(i) == '"' || peek(i) == '\'';
}

void Scanner::string() {
  ast::Position begin = here();
  bool raw = false, bytes = false;
  while (peek() != '"' && peek() != '\'') {
    char c = static_cast<char>(peek() | 0x20);
    raw = raw || c == 'r';
    bytes = bytes || c == 'b';
    advance();
  }
  char quote = peek();
  bool triple = peek(1) == quote && peek(2) == quote;
  advance(triple ? 3 : 1);
  std::string value;
  while (true) {
    if (at_end() || (!triple && peek() == '\n')) {
      error(begin, at_end() ? "unexpected EOF in string" : "unexpected newline in string",
            fmt::format("end it with {}", std::string(triple ? 3 : 1, quote)));
      break;
    }
    if (peek() == quote && (!triple || (peek(1) == quote && peek(2) == quote))) {
      advance(triple ? 3 : 1);
      break;
    }
    if (peek() == '\\') {
      if (raw) {
        value += peek();
        advance();
        if (peek() == '\r' && peek(1) == '\n') advance();
        if (!at_end()) {
          value += peek();
          advance();
        }
      } else {
        escape(value, bytes, here(), quote);
      }
      continue;
    }
    if (peek() == '\r' && peek(1) == '\n') advance();
    value += peek();
    advance();
  }
  push(bytes ? TokenKind::kBytes : TokenKind::kString, arena_.copy(value), begin);
}

/// \xXX, \uXXXX or \UXXXXXXXX, from the letter on.
void Scanner::numbered_escape(std::string& out, bool bytes, ast::Position begin, char quote) {
  const char letter = peek();
  const size_t count = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
  advance();
  uint32_t value = 0;
  bool wrong = false;
  std::string written = fmt::format("\\{}", letter);
  for (size_t i = 0; i < count && !at_end() && peek() != quote && peek() != '\n'; ++i) {
    const int digit = hex_value(peek());
    // Whole ASCII characters only are shown and skipped, so that messages stay UTF-8.
    if (digit < 0 && (peek() < ' ' || peek() == '\\')) break;
    wrong = wrong || digit < 0;
    value = value * 16 + static_cast<uint32_t>(std::max(digit, 0));
    written += peek();
    advance();
  }
  const bool truncated = written.size() < count + 2;
  if (wrong || truncated) {
    return error(begin,
                 fmt::format("{} escape sequence {}", truncated ? "truncated" : "invalid", written),
                 fmt::format("\\{} is followed by {} hexadecimal digits", letter, count));
  }
  if (letter == 'x') {
    if (!bytes && value > 127) return error(begin, non_ascii("hex", written, value));
    out += static_cast<char>(value);
  } else if (value > kMaxRune) {
    error(begin, fmt::format("code point out of range: {} (max \\U{:08x})", written,
                             static_cast<uint32_t>(kMaxRune)));
  } else if (value >= 0xD800 && value < 0xE000) {
    error(begin, fmt::format("invalid Unicode code point U+{:04X}", value));
  } else {
    append_rune(out, value);
  }
}

void Scanner::escape(std::string& out, bool bytes, ast::Position begin, char quote) {
  advance();  // the backslash
  if (at_end()) return;
  char c = peek();
  static constexpr std::string_view kNames = "abfnrtv\\'\"", kMeanings = "\a\b\f\n\r\t\v\\'\"";
  if (size_t simple = kNames.find(c); simple != std::string_view::npos) {
    out += kMeanings[simple];
    return advance();
  }
  if (c == '\n' || (c == '\r' && peek(1) == '\n')) return advance(c == '\n' ? 1 : 2);
  uint32_t value = 0;
  if (c >= '0' && c <= '7') {
    for (int i = 0; i < 3 && peek() >= '0' && peek() <= '7'; ++i) {
      value = value * 8 + static_cast<uint32_t>(peek() - '0');
      advance();
    }
    if (!bytes && value > 127)
      return error(begin, non_ascii("octal", fmt::format("\\{:o}", value), value));
    if (value > 255) return error(begin, fmt::format("invalid escape sequence \\{:03o}", value));
    out += static_cast<char>(value);
    return;
  }
  if (c == 'x' || c == 'u' || c == 'U') return numbered_escape(out, bytes, begin, quote);
  // Whole characters, so that the message stays UTF-8.
  size_t start = at_;
  advance();
  while (!at_end() && (static_cast<unsigned char>(peek()) & 0xC0) == 0x80) advance();
  std::string_view character = text_.substr(start, at_ - start);
  bool control = static_cast<unsigned char>(c) < ' ' || c == 127;
  error(begin,
        control ? std::string("invalid escape sequence: a control character follows the backslash")
                : fmt::format("invalid escape sequence \\{}", character),
        "write \\\\ for a backslash, or a raw string r\"…\"");
  out += character;
}

void Scanner::punctuation() {
  ast::Position begin = here();
  std::string_view rest = text_.substr(at_);
  for (std::string_view mark : kMarks) {
    if (mark.front() != rest.front() || !rest.starts_with(mark)) continue;
    advance(mark.size());
    if (mark == "(" || mark == "[" || mark == "{") ++depth_;
    if (mark == ")" || mark == "]" || mark == "}") {
      // The parser gets it all the same, and keeps quiet about it.
      if (depth_ == 0)
        error(begin, fmt::format("unexpected '{}'", mark), "no bracket is open here");
      else
        --depth_;
    }
    return push(TokenKind::kPunctuation, rest.substr(0, mark.size()), begin);
  }
  refuse_character(begin);
}

void Scanner::refuse_character(ast::Position begin) {
  Rune rune = decode_rune(text_.substr(at_));
  std::string_view bytes = text_.substr(at_, rune.width);
  std::string shown = rune.value < ' ' || rune.value == 127
                          ? fmt::format("'\\x{:02x}'", static_cast<unsigned>(rune.value))
                      : unicode::is_print(rune.value)
                          ? fmt::format("'{}'", bytes)
                          : fmt::format("U+{:04X}", unsigned(rune.value));
  std::string hint;
  if (rune.value == '@') hint = "there are no decorators; call the function: f(g)";
  if (rune.value == '\r') hint = "lines end in \\n or in \\r\\n";
  if (rune.value >= 0x2018 && rune.value <= 0x201F) hint = "write plain quotes: \"…\"";
  if (unicode::is_space(rune.value) && rune.value > 127) hint = "write an ordinary blank";
  if (rune.value == '!') hint = "write not";
  error(begin, "unexpected input character " + shown, hint);
  advance(rune.width);
}

}  // namespace mishap::starlark
