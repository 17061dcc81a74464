// What a fuzz target is made of. A target is a file tests/fuzz_NAME.cpp of a module that defines
// the two functions below; tests/fuzz/ has the programs that run it: libFuzzer's for campaigns, and
// one that replays its inputs and a fixed number of seeded changes of them in every build.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/check.h"

namespace mishap::testing {

/// One run with an arbitrary input. A property that does not hold is a failed MISHAP_CHECK. Same
/// input, same behaviour.
void fuzz_one(std::string_view input);
/// Inputs to start from besides the files of tests/corpus/NAME/, for those that are best made by
/// code.
std::vector<std::string> fuzz_seeds();

/// Reads the choices of a target off the front of its input; when that is used up, all are 0.
class FuzzInput {
 public:
  explicit FuzzInput(std::string_view input) : rest_(input) {}
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    auto value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view take(size_t count) {
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// Up to the separator, which goes too; all when there is none.
  std::string_view until(char separator) {
    std::string_view taken = take(std::min(rest_.find(separator), rest_.size()));
    take(1);
    return taken;
  }

 private:
  std::string_view rest_;
};

/// The whole of a file that is there; tests' own data.
inline std::string read_seed(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  MISHAP_CHECK(file.good(), "cannot read {}", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace mishap::testing
