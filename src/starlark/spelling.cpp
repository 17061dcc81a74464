#include "spelling.h"

#include <algorithm>
#include <vector>

#include "mishap/base/nearest.h"
#include "mishap/base/text.h"

namespace mishap::starlark {
namespace {

std::string folded(std::string_view name) {
  std::string letters = to_lower(name);
  std::erase(letters, '_');
  return letters;
}

}  // namespace

std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates) {
  if (auto near = nearest(name, candidates)) return near;
  const std::string letters = folded(name);
  std::vector<std::string> others(candidates.size());
  std::transform(candidates.begin(), candidates.end(), others.begin(), folded);
  const size_t half = (letters.size() + 1) / 2;
  const auto near = nearest_within(letters, others, half - std::min<size_t>(half, 1));
  if (!near) return std::nullopt;
  return candidates[static_cast<size_t>(std::find(others.begin(), others.end(), *near) -
                                        others.begin())];
}

}  // namespace mishap::starlark
