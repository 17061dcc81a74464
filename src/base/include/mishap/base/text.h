// Small things done with text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mishap {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  ///< without blanks, tabs, CR and LF at either end
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);  ///< ASCII only
std::string to_upper(std::string_view text);  ///< ASCII only
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// At most `max_bytes` of `text`, cut at a UTF-8 boundary and ended with "…" when something was
/// cut.
std::string truncated(std::string_view text, size_t max_bytes);

/// The candidate most like `name` by Damerau-Levenshtein distance, if it is near enough to be a
/// slip of the pen (at most a third of the length, at least 1; case does not count). First
/// candidate wins ties.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);

/// The suggestion as the end of a message: "; did you mean \"x\"?" or nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> candidates);

/// The suggestion or, when nothing is near, all there is: "; known are a, b, c". Nothing when there
/// are no candidates.
std::string nearest_or_all(std::string_view name, std::span<const std::string> candidates);

/// Secrets hidden: values of keys that look like passwords or tokens, and the password of a URL's
/// userinfo, become "***".
std::string redact(std::string_view text);

}  // namespace mishap
