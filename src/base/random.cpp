#include "mishap/base/random.h"

#include <cerrno>

#include <sys/random.h>

#include "mishap/base/check.h"

namespace mishap {
namespace {

// SplitMix64's finaliser (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// FNV-1a, 64 bits. std::hash may differ between libraries, and a seed must mean the same on every
// machine.
uint64_t hash(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3ULL;
  return h;
}

}  // namespace

Random Random::stream(uint64_t seed, std::string_view purpose) {
  return Random(mix(mix(seed + 0x9e3779b97f4a7c15ULL) ^ hash(purpose)));
}

uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  return mix(state_);
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

uint64_t Random::below(uint64_t bound) {
  MISHAP_CHECK(bound > 0);
  // Numbers below 2^64 mod bound would make small results likelier.
  uint64_t threshold = (0 - bound) % bound;
  uint64_t drawn = next();
  while (drawn < threshold) drawn = next();
  return drawn % bound;
}

bool Random::chance(double probability) { return unit() < probability; }

uint64_t random_seed() {
  uint64_t seed = 0;
  ssize_t got = 0;
  do {
    got = ::getrandom(&seed, sizeof seed, 0);
  } while (got < 0 && errno == EINTR);
  MISHAP_CHECK(got == sizeof seed, "getrandom gave {} bytes, errno {}", got, errno);
  return seed >> 1;
}

}  // namespace mishap
