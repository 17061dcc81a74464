// What the fuzz targets of programs share: where they start from, and how an input says which
// dialect it is in.
#pragma once

#include "mishap/base/testing/fuzz.h"
#include "mishap/starlark/dialect.h"

namespace mishap::starlark::testing_support {

inline constexpr char kEveryOption = '\x1f';

/// From the first byte, a bit for each option.
inline Dialect read_dialect(testing::FuzzInput& in) {
  const uint8_t options = in.byte();
  Dialect dialect;
  dialect.allow_global_reassign = options & 1;
  dialect.allow_top_level_control = options & 2;
  dialect.allow_while = options & 4;
  dialect.allow_recursion = options & 8;
  dialect.load_binds_globally = options & 16;
  return dialect;
}

/// Each chunk of every conformance script, behind `prefix`.
inline std::vector<std::string> script_seeds(const std::string& prefix) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(MISHAP_TEST_DATA "/scripts"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  constexpr std::string_view kSeparator = "\n---\n";
  for (const auto& file : files) {
    const std::string text = testing::read_seed(file);
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(kSeparator, begin), text.size());
      seeds.push_back(prefix + text.substr(begin, end - begin));
      begin = end + kSeparator.size();
    }
  }
  return seeds;
}

}  // namespace mishap::starlark::testing_support
