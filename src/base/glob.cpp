#include "mishap/base/glob.h"

#include <utility>

#include "mishap/base/text.h"

namespace mishap {
namespace {

/// How '*', '?' and classes treat '/', and which extras the dialect has.
struct Dialect {
  bool star_crosses = false;   ///< a single '*' also matches '/'
  bool double_star = false;    ///< "**" crosses segments
  bool class_crosses = false;  ///< a class may match '/'
};

/// Reads one character of a class, which a backslash may quote. False at the end of the pattern.
bool class_char(std::string_view& pattern, unsigned char& c) {
  if (pattern.empty()) return false;
  if (pattern.front() == '\\') {
    pattern.remove_prefix(1);
    if (pattern.empty()) return false;
  }
  c = static_cast<unsigned char>(pattern.front());
  pattern.remove_prefix(1);
  return true;
}

/// Reads a class after its '[' and says whether `c` is in it. `malformed` when it has no end.
bool match_class(std::string_view& pattern, unsigned char c, bool& malformed) {
  bool negated = pattern.starts_with('!') || pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  bool first = true;
  while (!pattern.empty() && (first || pattern.front() != ']')) {
    first = false;
    unsigned char low = 0;
    if (!class_char(pattern, low)) break;
    unsigned char high = low;
    if (pattern.size() >= 2 && pattern.front() == '-' && pattern[1] != ']') {
      pattern.remove_prefix(1);
      if (!class_char(pattern, high)) break;
    }
    if (low <= c && c <= high) found = true;
  }
  malformed = pattern.empty();
  if (!malformed) pattern.remove_prefix(1);
  return found != negated;
}

/// Bytes of the character that starts at text[0]: '?' takes a whole UTF-8 character.
size_t character_length(std::string_view text) {
  size_t length = 1;
  if ((static_cast<unsigned char>(text[0]) & 0xc0) != 0xc0) return length;
  while (length < text.size() && length < 4 &&
         (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    ++length;
  return length;
}

/// Matches one element of the pattern that is not a star; advances both on success.
bool match_one(std::string_view& pattern, std::string_view& text, Dialect dialect) {
  std::string_view p = pattern;
  char kind = p.front();
  p.remove_prefix(1);
  size_t consumed = 1;
  if (kind == '?') {
    if (text.front() == '/' && !dialect.star_crosses) return false;
    consumed = character_length(text);
  } else if (kind == '[') {
    bool malformed = false;
    if (text.front() == '/' && !dialect.class_crosses) return false;
    if (!match_class(p, static_cast<unsigned char>(text.front()), malformed) || malformed)
      return false;
  } else {
    if (kind == '\\' && !p.empty()) {
      kind = p.front();
      p.remove_prefix(1);
    }
    if (kind != text.front()) return false;
  }
  pattern = p;
  text.remove_prefix(consumed);
  return true;
}

/// Where the match goes on when the present try fails: the pattern after a star, with the star
/// taking more of the text.
struct Retry {
  enum class Kind {
    none,
    within,    ///< '*': one more byte, never '/'
    anything,  ///< a crossing star: one more byte
    segments,  ///< "**/": up to behind the next '/'
  };
  Kind kind = Kind::none;
  std::string_view pattern;
  std::string_view text;

  bool advance() {
    if (kind == Kind::none || text.empty() || (kind == Kind::within && text.front() == '/'))
      return false;
    size_t taken = 1;
    if (kind == Kind::segments) {
      size_t slash = text.find('/');
      if (slash == std::string_view::npos) return false;
      taken = slash + 1;
    }
    text.remove_prefix(taken);
    return true;
  }
};

/// Consumes the stars at the front of `pattern`, with the '/' of a "**/" that stands for whole
/// segments, and says how far they reach.
Retry::Kind take_stars(std::string_view& pattern, bool segment_start, Dialect dialect) {
  size_t stars = 0;
  while (stars < pattern.size() && pattern[stars] == '*') ++stars;
  pattern.remove_prefix(stars);
  bool is_double = stars > 1 && dialect.double_star;
  if (is_double && segment_start && pattern.starts_with('/')) {
    pattern.remove_prefix(1);
    return Retry::Kind::segments;
  }
  return is_double || dialect.star_crosses ? Retry::Kind::anything : Retry::Kind::within;
}

/// Iterative matching with two places to come back to: the last star and the last crossing star. A
/// crossing star makes what came before it final; a plain one cannot pass '/', so the crossing one
/// before it stays. Time is at most the product of three lengths; no pattern makes it exponential.
bool match(std::string_view pattern, std::string_view text, Dialect dialect) {
  const char* begin = pattern.data();
  Retry near;
  Retry far;
  while (true) {
    if (!pattern.empty() && pattern.front() == '*') {
      bool segment_start = pattern.data() == begin || pattern.data()[-1] == '/';
      Retry::Kind kind = take_stars(pattern, segment_start, dialect);
      near = Retry{kind, pattern, text};
      if (kind != Retry::Kind::within) far = std::exchange(near, Retry{});
      continue;
    }
    if (pattern.empty() && text.empty()) return true;
    if (!pattern.empty() && !text.empty() && match_one(pattern, text, dialect)) continue;
    if (near.advance()) {
      pattern = near.pattern;
      text = near.text;
    } else if (far.advance()) {
      near = Retry{};
      pattern = far.pattern;
      text = far.text;
    } else {
      return false;
    }
  }
}

/// The fall-backs of dialects 1 and 2 for a pattern with a star: prefix, else suffix.
bool match_affix(std::string_view pattern, std::string_view text) {
  if (pattern.ends_with('*')) return text.starts_with(pattern.substr(0, pattern.size() - 1));
  if (pattern.starts_with('*')) return text.ends_with(pattern.substr(1));
  return false;
}

bool match_path(std::string_view pattern, std::string_view path) {
  constexpr Dialect kPaths{.double_star = true};
  if (match(pattern, path, kPaths)) return true;
  // "dir/**" also stands for "dir".
  return pattern.ends_with("/**") && match(pattern.substr(0, pattern.size() - 3), path, kPaths);
}

}  // namespace

std::string_view glob_problem(std::string_view pattern) {
  while (!pattern.empty()) {
    char c = pattern.front();
    pattern.remove_prefix(1);
    if (c == '\\' && !pattern.empty()) pattern.remove_prefix(1);
    if (c != '[') continue;
    bool malformed = false;
    match_class(pattern, 'x', malformed);
    if (malformed) return "has a [ without its ]";
  }
  return "";
}

bool glob_shell(std::string_view pattern, std::string_view text) {
  return match(pattern, text, {});
}

bool glob_field(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  if (pattern.find('*') == std::string_view::npos) return pattern == text;
  return glob_shell(pattern, text) || match_affix(pattern, text);
}

bool glob_request(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return true;
  if (pattern.find('*') == std::string_view::npos) return to_lower(pattern) == to_lower(text);
  if (glob_shell(pattern, text) || match_affix(pattern, text)) return true;
  return match(pattern, text, {.star_crosses = true, .double_star = true, .class_crosses = true});
}

bool glob_path(std::string_view pattern, std::string_view path) {
  return pattern.empty() || match_path(pattern, path);
}

}  // namespace mishap
