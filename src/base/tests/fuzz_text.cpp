// Globs against a plain matcher that tries everything; durations written and read again; the small
// things done with text.
#include <optional>

#include "mishap/base/duration.h"
#include "mishap/base/glob.h"
#include "mishap/base/testing/fuzz.h"
#include "mishap/base/text.h"

namespace mishap::testing {
namespace {

/// A second opinion on glob_shell and glob_path: recursion over all that a star may take, without
/// the fast matcher's argument of which star need not be tried again. ASCII, so that a character is
/// a byte.
class PlainGlob {
 public:
  PlainGlob(std::string_view pattern, std::string_view text, bool double_star)
      : pattern_(pattern), text_(text), double_star_(double_star) {
    known_.resize((pattern.size() + 1) * (text.size() + 1));
  }
  bool matches() { return matches(0, 0); }

 private:
  bool matches(size_t p, size_t t) {
    std::optional<bool>& known = known_[p * (text_.size() + 1) + t];
    if (!known) known = find_out(p, t);
    return *known;
  }
  bool find_out(size_t p, size_t t) {
    if (p == pattern_.size()) return t == text_.size();
    if (pattern_[p] == '*') return star(p, t);
    if (t == text_.size()) return false;
    const char c = text_[t];
    if (pattern_[p] == '?') return c != '/' && matches(p + 1, t + 1);
    if (pattern_[p] == '[') return c != '/' && one_of(p + 1, c) && matches(class_end(p + 1), t + 1);
    if (pattern_[p] == '\\' && p + 1 < pattern_.size()) ++p;
    return pattern_[p] == c && matches(p + 1, t + 1);
  }
  bool star(size_t p, size_t t) {
    const bool segment_start = p == 0 || pattern_[p - 1] == '/';
    size_t next = p;
    while (next < pattern_.size() && pattern_[next] == '*') ++next;
    const bool crosses = double_star_ && next - p > 1;
    const bool segments =
        crosses && segment_start && next < pattern_.size() && pattern_[next] == '/';
    if (segments) ++next;
    for (size_t end = t; end <= text_.size(); ++end) {
      const bool whole_segments = end == t || text_[end - 1] == '/';
      if ((!segments || whole_segments) && matches(next, end)) return true;
      if (!crosses && end < text_.size() && text_[end] == '/') return false;
    }
    return false;
  }
  /// Both skip '^' or '!' and take a ']' that comes first for a member.
  size_t class_end(size_t p) const {
    if (p < pattern_.size() && (pattern_[p] == '!' || pattern_[p] == '^')) ++p;
    for (bool first = true; p < pattern_.size(); ++p, first = false) {
      if (pattern_[p] == ']' && !first) return p + 1;
      if (pattern_[p] == '\\') ++p;
    }
    return std::string_view::npos;
  }
  bool one_of(size_t p, char c) const {
    const size_t end = class_end(p);
    if (end == std::string_view::npos) return false;
    const bool negated = pattern_[p] == '!' || pattern_[p] == '^';
    if (negated) ++p;
    bool found = false;
    while (p < end - 1) {
      const char low = member(p);
      char high = low;
      if (pattern_[p] == '-' && p + 1 < end - 1) high = member(++p);
      found = found || (low <= c && c <= high);
    }
    return found != negated;
  }
  char member(size_t& p) const {
    if (pattern_[p] == '\\') ++p;
    return pattern_[p++];
  }

  std::string_view pattern_;
  std::string_view text_;
  bool double_star_;
  std::vector<std::optional<bool>> known_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
}

void try_globs(std::string_view pattern, std::string_view text) {
  glob_field(pattern, text);
  glob_request(pattern, text);
  const bool shell = glob_shell(pattern, text);
  const bool path = glob_path(pattern, text);
  if (pattern.size() > 200 || text.size() > 200 || !is_ascii(pattern) || !is_ascii(text)) return;
  MISHAP_CHECK(shell == PlainGlob(pattern, text, false).matches(), "\"{}\" \"{}\"", pattern, text);
  const bool plain = pattern.empty() || PlainGlob(pattern, text, true).matches() ||
                     (pattern.ends_with("/**") &&
                      PlainGlob(pattern.substr(0, pattern.size() - 3), text, true).matches());
  MISHAP_CHECK(path == plain, "\"{}\" \"{}\": {}", pattern, text, path);
}

void try_duration(std::string_view text) {
  auto duration = parse_duration(text);
  if (!duration) return;
  const std::string canonical = format_duration(*duration);
  auto again = parse_duration(canonical);
  MISHAP_CHECK(again && *again == *duration, "{} {}", text, canonical);
  MISHAP_CHECK(format_duration(*again) == canonical);
}

void try_text(std::string_view text, std::string_view other, size_t limit) {
  std::vector<std::string> parts;
  for (std::string_view part : split(text, ',')) parts.emplace_back(part);
  MISHAP_CHECK(join(parts, ",") == text);
  const std::string cut = truncated(text, limit);
  MISHAP_CHECK(cut.size() <= std::max(text.size(), limit + 3), "{} of {}", cut.size(), limit);
  // Whatever stands around it, a password is hidden.
  constexpr std::string_view kSecret = "hunter2";
  if (text.find(kSecret) == std::string::npos && other.find(kSecret) == std::string::npos) {
    const std::string hidden = redact(fmt::format("{} password={} {}", text, kSecret, other));
    MISHAP_CHECK(hidden.find(kSecret) == std::string::npos, "{}", hidden);
  }
  const std::vector<std::string> names = {std::string(other), "create_user", "write"};
  const auto found = nearest(text, names);
  MISHAP_CHECK(!found || std::find(names.begin(), names.end(), *found) != names.end());
}

}  // namespace

std::vector<std::string> fuzz_seeds() { return {}; }

/// Two lines: a pattern, secret or duration, and what it is tried on.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const std::string_view first = in.until('\n');
  const std::string_view second = in.until('\n');
  try_globs(first, second);
  try_duration(first);
  try_text(first, second, second.size());
}

}  // namespace mishap::testing
