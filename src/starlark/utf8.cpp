#include "utf8.h"

#include <iterator>

#include <fmt/format.h>

#include "unicode.h"

namespace mishap::starlark {
namespace {

bool is_continuation(unsigned char c) { return (c & 0xC0) == 0x80; }

// Escapes with a letter of their own, by code point 7 to 13.
constexpr char kControlLetters[] = {'a', 'b', 't', 'n', 'v', 'f', 'r'};

void append_quoted(std::string& out, Rune rune, unsigned char first_byte) {
  const char32_t c = rune.value;
  auto into = std::back_inserter(out);
  if (rune.invalid()) {
    fmt::format_to(into, "\\x{:02x}", first_byte);
  } else if (c == '"' || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (unicode::is_print(c)) {
    append_rune(out, c);
  } else if (c >= 7 && c <= 13) {
    out += '\\';
    out += kControlLetters[c - 7];
  } else if (c < ' ' || c == 0x7F) {
    fmt::format_to(into, "\\x{:02x}", static_cast<unsigned>(c));
  } else if (c < 0x10000) {
    fmt::format_to(into, "\\u{:04x}", static_cast<unsigned>(c));
  } else {
    fmt::format_to(into, "\\U{:08x}", static_cast<unsigned>(c));
  }
}

void append_literal(std::string& out, std::string_view text) {
  out.reserve(out.size() + text.size() + 2);
  out += '"';
  for_each_rune(text, [&](Rune rune, size_t at) {
    append_quoted(out, rune, static_cast<unsigned char>(text[at]));
  });
  out += '"';
}

}  // namespace

Rune decode_rune(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  uint8_t width = 0;
  char32_t value = 0;
  if (first >= 0xC2 && first < 0xE0) {
    width = 2;
    value = first & 0x1F;
  } else if (first >= 0xE0 && first < 0xF0) {
    width = 3;
    value = first & 0x0F;
  } else if (first >= 0xF0 && first < 0xF5) {
    width = 4;
    value = first & 0x07;
  } else {
    return {};
  }
  if (text.size() < width) return {};
  for (uint8_t i = 1; i < width; ++i) {
    if (!is_continuation(byte(i))) return {};
    value = (value << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (width == 3 && value < 0x800) || (width == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  if (overlong || surrogate || value > kMaxRune) return {};
  return {value, width};
}

void append_rune(std::string& out, char32_t rune) {
  if (rune > kMaxRune || (rune >= 0xD800 && rune < 0xE000)) rune = kReplacementRune;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((rune >> shift) & 0x3F)); };
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | (rune >> 6));
    tail(0);
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | (rune >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (rune >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t count_runes(std::string_view text) {
  size_t count = 0;
  for_each_rune(text, [&](Rune, size_t) { ++count; });
  return count;
}

std::string quote(std::string_view text) {
  std::string out;
  append_literal(out, text);
  return out;
}

std::string quote_bytes(std::string_view bytes) {
  std::string out = "b";
  append_literal(out, bytes);
  return out;
}

int32_t java_string_hash(std::string_view text) {
  uint32_t hash = 0;
  for_each_rune(text, [&](Rune rune, size_t) {
    if (rune.value < 0x10000) {
      hash = hash * 31 + static_cast<uint32_t>(rune.value);
    } else {
      const auto offset = static_cast<uint32_t>(rune.value) - 0x10000;
      hash = hash * 31 + (0xD800 + (offset >> 10));
      hash = hash * 31 + (0xDC00 + (offset & 0x3FF));
    }
  });
  return static_cast<int32_t>(hash);
}

uint32_t fnv1a(std::string_view bytes) {
  uint32_t hash = 2166136261U;
  for (char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash;
}

}  // namespace mishap::starlark
