#include "unicode.h"

#include <algorithm>

#include "utf8.h"

namespace mishap::starlark::unicode {
namespace {

// The range that could hold `c`, or null.
template <class R>
const R* find(std::span<const R> ranges, char32_t c) {
  const auto at =
      std::lower_bound(ranges.begin(), ranges.end(), c,
                       [](const R& range, char32_t wanted) { return range.last < wanted; });
  if (at == ranges.end() || at->first > c) return nullptr;
  return &*at;
}

char32_t map(std::span<const CaseRange> ranges, char32_t c) {
  const CaseRange* range = find(ranges, c);
  if (range == nullptr || (c - range->first) % range->stride != 0) return c;
  return static_cast<char32_t>(static_cast<int64_t>(c) + range->delta);
}

bool between(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

template <class Map>
std::string map_text(std::string_view text, Map map_rune) {
  std::string out;
  out.reserve(text.size());
  for_each_rune(text, [&](Rune rune, size_t) { append_rune(out, map_rune(rune.value)); });
  return out;
}

}  // namespace

bool is_letter(char32_t c) {
  if (c < 0x80) return between(c | 0x20, 'a', 'z');
  return find(kLetters, c) != nullptr;
}

bool is_digit(char32_t c) {
  if (c < 0x80) return between(c, '0', '9');
  return find(kDigits, c) != nullptr;
}

bool is_lower(char32_t c) {
  if (c < 0x80) return between(c, 'a', 'z');
  return find(kLowers, c) != nullptr;
}

bool is_upper(char32_t c) {
  if (c < 0x80) return between(c, 'A', 'Z');
  return find(kUppers, c) != nullptr;
}

bool is_title(char32_t c) { return c >= 0x80 && find(kTitles, c) != nullptr; }

bool is_space(char32_t c) {
  return between(c, '\t', '\r') || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         between(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_print(char32_t c) {
  if (c < 0x80) return between(c, ' ', '~');
  return find(kPrintables, c) != nullptr;
}

bool is_cased(char32_t c) {
  if (c < 0x80) return between(c | 0x20, 'a', 'z');
  return to_lower(c) != c || to_upper(c) != c || to_title(c) != c;
}

char32_t to_lower(char32_t c) {
  if (c < 0x80) return between(c, 'A', 'Z') ? c + 0x20 : c;
  return map(kToLower, c);
}

char32_t to_upper(char32_t c) {
  if (c < 0x80) return between(c, 'a', 'z') ? c - 0x20 : c;
  return map(kToUpper, c);
}

char32_t to_title(char32_t c) {
  if (c < 0x80) return to_upper(c);
  return map(kToTitle, c);
}

std::string lower_text(std::string_view text) { return map_text(text, to_lower); }

std::string upper_text(std::string_view text) { return map_text(text, to_upper); }

}  // namespace mishap::starlark::unicode
