// Randomness that a seed reproduces.
#pragma once

#include <cstdint>
#include <string_view>

namespace mishap {

/// A small generator (SplitMix64). Streams for different purposes come from the run's seed and the
/// purpose's name, so that a new rule never shifts the draws of another.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  /// The stream of `purpose` under `seed`.
  static Random stream(uint64_t seed, std::string_view purpose);

  uint64_t next();
  double unit();                   ///< in [0, 1)
  uint64_t below(uint64_t bound);  ///< in [0, bound), bound > 0
  bool chance(
      double probability);  ///< never for <= 0, always for >= 1 (a draw is made in any case)

 private:
  uint64_t state_;
};

/// A fresh 63-bit seed from the kernel.
uint64_t random_seed();

}  // namespace mishap
