#include "mishap/base/text.h"

#include <algorithm>
#include <array>

#include "mishap/base/nearest.h"

namespace mishap {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one
/// each.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, previous);
    std::swap(previous, row);
  }
  return previous[b.size()];
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  size_t start = 0;
  while (true) {
    size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::string_view trim(std::string_view text) {
  size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), upper);
  return result;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty()) return text;
  std::string result;
  size_t start = 0;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, start)) {
    result.append(text, start, at - start).append(to);
    start = at + from.size();
  }
  return result.append(text, start);
}

std::string truncated(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t end = max_bytes;
  // At most three continuation bytes: what is not UTF-8 is cut where asked.
  for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80; ++i)
    --end;
  if ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) end = max_bytes;
  return std::string(text.substr(0, end)) + "\u2026";
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
  return nearest_within(name, candidates, std::max<size_t>(1, name.size() / 3));
}

std::optional<std::string> nearest_within(std::string_view name,
                                          std::span<const std::string> candidates, size_t most) {
  constexpr size_t kLongest =
      128;  // beyond it nobody makes a slip, and the distance costs the square
  if (name.empty() || name.size() > kLongest) return std::nullopt;
  const std::string wanted = to_lower(name);
  size_t best_distance = most + 1;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongest || candidate.empty()) continue;
    size_t distance = edit_distance(wanted, to_lower(candidate));
    if (distance < best_distance && distance < std::max(name.size(), candidate.size())) {
      best_distance = distance;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  std::optional<std::string> found = nearest(name, candidates);
  return found ? "; did you mean \"" + *found + "\"?" : std::string();
}

std::string nearest_or_all(std::string_view name, std::span<const std::string> candidates) {
  std::string near = did_you_mean(name, candidates);
  if (!near.empty() || candidates.empty()) return near;
  return (candidates.size() == 1 ? "; known is " : "; known are ") + join(candidates, ", ");
}

}  // namespace mishap
