// Secrets in text: found by the names of their keys, so that logs, traces and bundles can be handed
// around.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "mishap/base/text.h"

namespace mishap {
namespace {

constexpr std::array<std::string_view, 11> kSecretWords = {
    "password", "passwd",  "passphrase",  "secret",     "token",        "api_key",
    "apikey",   "api-key", "private_key", "access_key", "authorization"};

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

bool is_secret_key(std::string_view key) {
  const std::string low = to_lower(key);
  for (std::string_view word : kSecretWords) {
    if (low.find(word) != std::string::npos) return true;
  }
  return low == "pass" || low == "pwd" || low.ends_with("_pass") || low.ends_with("_pwd") ||
         low == "pgpassword";
}

size_t skip_blanks(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  return at;
}

/// End of the quoted value whose first character is at `at`; the closing quote itself, or the end
/// of the text.
size_t quoted_end(std::string_view text, size_t at, char quote) {
  while (at < text.size() && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

size_t plain_end(std::string_view text, size_t at) {
  size_t end = text.find_first_of(" \t\r\n,;&\"'})]", at);
  return end == std::string_view::npos ? text.size() : end;
}

/// "Bearer abc", "Basic abc": the scheme stays, the credential goes.
size_t skip_scheme(std::string_view text, size_t at) {
  const std::string low = to_lower(text.substr(at, 7));
  if (low.starts_with("bearer ")) return at + 7;
  if (low.starts_with("basic ")) return at + 6;
  return at;
}

struct Range {
  size_t begin = 0;
  size_t end = 0;
};

/// The value that belongs to the key ending at `at`: `key=value`, `key: value`, `"key": "value"`.
/// Empty when there is none.
Range value_after(std::string_view text, size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) ++at;
  at = skip_blanks(text, at);
  if (at >= text.size() || (text[at] != '=' && text[at] != ':')) return {};
  if (text.substr(at).starts_with("://")) return {};
  at = skip_blanks(text, at + 1);
  if (at >= text.size()) return {};
  if (text[at] == '"' || text[at] == '\'') {
    size_t end = quoted_end(text, at + 1, text[at]);
    return {std::min(skip_scheme(text, at + 1), end), end};
  }
  size_t begin = skip_scheme(text, at);
  return {begin, plain_end(text, begin)};
}

/// The password of the userinfo of the URL whose "://" is at `at`.
Range url_password(std::string_view text, size_t at) {
  size_t begin = at + 3;
  size_t end = text.find_first_of("/?# \t\r\n\"'", begin);
  if (end == std::string_view::npos) end = text.size();
  std::string_view authority = text.substr(begin, end - begin);
  size_t sign = authority.rfind('@');
  if (sign == std::string_view::npos) return {};
  size_t colon = authority.substr(0, sign).find(':');
  if (colon == std::string_view::npos) return {};
  return {begin + colon + 1, begin + sign};
}

}  // namespace

std::string redact(std::string_view text) {
  std::string result;
  size_t copied = 0;
  auto hide = [&](Range range) {
    if (range.end <= range.begin || range.begin < copied) return false;
    result.append(text.substr(copied, range.begin - copied)).append("***");
    copied = range.end;
    return true;
  };
  size_t at = 0;
  while (at < text.size()) {
    if (text.substr(at).starts_with("://")) {
      at = hide(url_password(text, at)) ? copied : at + 3;
      continue;
    }
    if (!is_key_char(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_key_char(text[end])) ++end;
    bool hidden = is_secret_key(text.substr(at, end - at)) && hide(value_after(text, end));
    at = hidden ? copied : end;
  }
  return result.append(text.substr(copied));
}

}  // namespace mishap
