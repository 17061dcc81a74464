#include "sql.h"

#include <algorithm>
#include <array>
#include <optional>

#include "mishap/base/glob.h"
#include "mishap/base/text.h"

namespace mishap::protocols::postgres {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_name_char(char c) {
  return is_upper(c) || is_lower(c) || is_digit(c) || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80);
}

enum class Kind { blank, comment, literal, quoted_name, placeholder, name, other };
struct Piece {
  Kind kind;
  std::string_view text;
};

/// Cuts SQL into pieces. Unfinished quotes run to the end; an unfinished comment is no comment.
class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}
  bool done() const { return pos_ == sql_.size(); }

  Piece next() {
    const char c = sql_[pos_];
    if (is_space(c)) return take(Kind::blank, run(is_space));
    if (c == '-' && peek(1) == '-') return take(Kind::comment, line_length());
    if (c == '/' && peek(1) == '*') {
      if (auto length = comment_length()) return take(Kind::comment, *length);
    }
    if (c == '\'') return take(Kind::literal, quoted_length(0, '\'', false));
    if ((c == 'e' || c == 'E') && peek(1) == '\'') {
      return take(Kind::literal, quoted_length(1, '\'', true));
    }
    if (c == '"' || c == '`') return take(Kind::quoted_name, quoted_length(0, c, false));
    if (c == '$') {
      if (is_digit(peek(1))) {
        size_t length = 1;
        while (is_digit(peek(length))) ++length;
        return take(Kind::placeholder, length);
      }
      if (auto length = dollar_length()) return take(Kind::literal, *length);
    }
    if (c == '?') return take(Kind::placeholder, 1);
    // A digit or $ within a name belongs to it: `a$1` is one name.
    if (is_name_char(c)) {
      return take(Kind::name, run([](char x) { return is_name_char(x) || x == '$'; }));
    }
    return take(Kind::other, 1);
  }

 private:
  char peek(size_t ahead) const { return pos_ + ahead < sql_.size() ? sql_[pos_ + ahead] : '\0'; }
  Piece take(Kind kind, size_t length) {
    Piece piece{kind, sql_.substr(pos_, length)};
    pos_ += piece.text.size();
    return piece;
  }
  template <class Predicate>
  size_t run(Predicate predicate) const {
    size_t end = pos_;
    while (end < sql_.size() && predicate(sql_[end])) ++end;
    return end - pos_;
  }
  size_t line_length() const {
    const size_t end = sql_.find('\n', pos_);
    return end == std::string_view::npos ? sql_.size() - pos_ : end - pos_;
  }
  /// Comments nest in PostgreSQL.
  std::optional<size_t> comment_length() const {
    int depth = 0;
    for (size_t i = pos_; i + 1 < sql_.size(); ++i) {
      if (sql_[i] == '/' && sql_[i + 1] == '*') {
        ++depth, ++i;
      } else if (sql_[i] == '*' && sql_[i + 1] == '/') {
        if (--depth == 0) return i + 2 - pos_;
        ++i;
      }
    }
    return std::nullopt;
  }
  size_t quoted_length(size_t prefix, char quote, bool backslash) const {
    for (size_t i = pos_ + prefix + 1; i < sql_.size(); ++i) {
      if (backslash && sql_[i] == '\\') {
        ++i;
      } else if (sql_[i] == quote) {
        if (i + 1 < sql_.size() && sql_[i + 1] == quote) {
          ++i;
        } else {
          return i + 1 - pos_;
        }
      }
    }
    return sql_.size() - pos_;
  }
  std::optional<size_t> dollar_length() const {
    size_t tag_end = pos_ + 1;
    while (tag_end < sql_.size() && is_name_char(sql_[tag_end])) ++tag_end;
    if (tag_end == sql_.size() || sql_[tag_end] != '$') return std::nullopt;
    const std::string_view tag = sql_.substr(pos_, tag_end + 1 - pos_);
    const size_t close = sql_.find(tag, tag_end + 1);
    if (close == std::string_view::npos) return std::nullopt;
    return close + tag.size() - pos_;
  }

  std::string_view sql_;
  size_t pos_ = 0;
};

/// A quoted name without its quotes if it means the same so.
std::string_view unquoted(std::string_view quoted) {
  if (quoted.size() < 3 || quoted.back() != quoted.front()) return quoted;
  const std::string_view name = quoted.substr(1, quoted.size() - 2);
  const bool plain = !is_digit(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return is_lower(c) || is_digit(c) || c == '_';
  });
  return plain ? name : quoted;
}

/// Appends text, with every run of blanks as one.
class Canonical {
 public:
  void blank() {
    if (!out_.empty() && out_.back() != ' ') out_ += ' ';
  }
  void text(std::string_view piece) {
    for (char c : piece) is_space(c) ? blank() : out_.push_back(c);
  }
  void lower(std::string_view piece) {
    for (char c : piece) out_ += is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  void symbol(std::string_view piece) {
    blank();
    out_ += piece;
    blank();
  }
  std::string finish() {
    while (!out_.empty() && (out_.back() == ' ' || out_.back() == ';')) out_.pop_back();
    return std::move(out_);
  }

 private:
  std::string out_;
};

bool wildcard(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == text[t] || pattern[p] == '?')) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

std::string canonical_sql(std::string_view sql) {
  Canonical out;
  std::string_view rest = sql;
  for (Scanner scanner(rest); !scanner.done();) {
    Piece piece = scanner.next();
    switch (piece.kind) {
      case Kind::blank:
      case Kind::comment:
        out.blank();
        break;
      case Kind::literal:
        out.text(piece.text);
        break;
      case Kind::quoted_name:
        out.text(unquoted(piece.text));
        break;
      case Kind::placeholder:
        out.text("?");
        break;
      case Kind::name:
        out.lower(piece.text);
        break;
      case Kind::other: {
        const size_t at = static_cast<size_t>(piece.text.data() - sql.data());
        const std::string_view two = sql.substr(at, 2);
        if (two == "!=" || two == "<>" || two == "<=" || two == ">=") {
          out.symbol(two);
          scanner.next();
        } else if (std::string_view("=<>,()").find(piece.text[0]) != std::string_view::npos) {
          out.symbol(piece.text);
        } else {
          out.text(piece.text);
        }
      }
    }
  }
  return out.finish();
}

bool sql_matches(std::string_view pattern, std::string_view statement) {
  if (pattern.empty()) return true;
  if (pattern.find('*') == std::string_view::npos) return pattern == statement;
  return wildcard(pattern, statement) || glob_request(pattern, statement);
}

std::vector<std::string_view> split_statements(std::string_view sql) {
  std::vector<std::string_view> statements;
  size_t begin = 0;
  int depth = 0;
  bool blank = true;
  auto finish = [&](size_t end) {
    if (!blank) statements.push_back(trim(sql.substr(begin, end - begin)));
    begin = end + 1;
    blank = true;
    depth = 0;
  };
  for (Scanner scanner(sql); !scanner.done();) {
    const Piece piece = scanner.next();
    if (piece.kind == Kind::blank || piece.kind == Kind::comment) continue;
    if (piece.text == "(") ++depth;
    if (piece.text == ")") --depth;
    if (piece.kind == Kind::other && piece.text == ";" && depth <= 0) {
      finish(static_cast<size_t>(piece.text.data() - sql.data()));
    } else {
      blank = false;
    }
  }
  if (begin <= sql.size()) finish(sql.size());
  return statements;
}

bool is_commit(std::string_view canonical) {
  static constexpr std::array<std::string_view, 8> kForms = {"commit",
                                                             "end",
                                                             "commit work",
                                                             "commit transaction",
                                                             "end work",
                                                             "end transaction",
                                                             "commit and no chain",
                                                             "end and no chain"};
  return std::find(kForms.begin(), kForms.end(), canonical) != kForms.end();
}

}  // namespace mishap::protocols::postgres
