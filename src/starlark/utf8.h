// Strings are bytes that are usually UTF-8; this is the reading of them as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mishap::starlark {

inline constexpr char32_t kReplacementRune = 0xFFFD;
inline constexpr char32_t kMaxRune = 0x10FFFF;

/// One code point and the bytes it took. An invalid byte reads as U+FFFD of width 1 (a real U+FFFD
/// has width 3).
struct Rune {
  char32_t value = kReplacementRune;
  uint8_t width = 1;
  bool invalid() const { return value == kReplacementRune && width == 1; }
};

/// The code point `text` begins with; `text` must not be empty. Surrogates and overlong forms are
/// invalid.
Rune decode_rune(std::string_view text);

/// Appends the UTF-8 of `rune`; surrogates and what is beyond U+10FFFF become U+FFFD.
void append_rune(std::string& out, char32_t rune);
inline std::string rune_text(char32_t rune) {
  std::string text;
  append_rune(text, rune);
  return text;
}

size_t count_runes(std::string_view text);

/// Calls `visit(rune, position)` for each code point.
template <class Visit>
void for_each_rune(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.substr(at));
    visit(rune, at);
    at += rune.width;
  }
}

/// A literal in double quotes that reads back as `text`: escapes quotes, backslashes and what does
/// not print; invalid bytes are
/// \xNN. What `repr` shows.
std::string quote(std::string_view text);
/// The same as a bytes literal: b"…".
std::string quote_bytes(std::string_view bytes);

/// The universe's `hash(string)`: s[0]*31^(n-1) + … over UTF-16 code units in 32 bits, as Java's
/// String.hashCode, so that it is the same everywhere and for ever.
int32_t java_string_hash(std::string_view text);
/// The universe's `hash(bytes)`: 32-bit FNV-1a.
uint32_t fnv1a(std::string_view bytes);

}  // namespace mishap::starlark
