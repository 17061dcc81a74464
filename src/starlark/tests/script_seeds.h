// The conformance scripts' chunks, to start fuzzing from.
#pragma once

#include "mishap/base/testing/fuzz.h"

namespace mishap::starlark::testing_support {

/// Each chunk of every script, behind `prefix`.
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
