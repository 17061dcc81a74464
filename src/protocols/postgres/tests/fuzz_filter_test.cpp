// The fuzz target over seeded inputs, in every build: noise, and conversations with a few bytes
// changed.
#include "fuzz_filter.cpp"

#include <gtest/gtest.h>

#include "mishap/base/random.h"

namespace mishap::protocols::postgres {
namespace {

std::string chunk(bool client, std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t count = std::min<size_t>(bytes.size(), 127);
    out += static_cast<char>(count << 1 | (client ? 1 : 0));
    out += bytes.substr(0, count);
    bytes.remove_prefix(count);
  }
  return out;
}

std::string conversation() {
  using namespace wire;
  return chunk(false, auth_ok() + ready()) + chunk(true, query("SELECT 1; INSERT x") + query("i")) +
         chunk(false, complete("SELECT 1") + error("26000", "x") + ready()) +
         chunk(true, parse("s", "INSERT $1") + bind("p", "s") + describe("Pp") + execute("p") +
                         close("Ps") + sync()) +
         chunk(false,
               parse_complete() + bind_complete() + no_data() + error("34000", "x") + ready('E')) +
         chunk(true, query("COPY t FROM STDIN")) + chunk(false, copy_in()) +
         chunk(true, copy_data("1") + sync() + copy_done()) +
         chunk(false, complete("COPY 1") + ready());
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

TEST(FuzzFilter, Noise) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    std::string input(random.below(400), '\0');
    for (char& c : input) c = static_cast<char>(random.next());
    run(input);
  }
}

TEST(FuzzFilter, ChangedConversations) {
  for (uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed);
    std::string input(1, static_cast<char>(seed & 1));
    input += conversation();
    for (uint64_t changes = random.below(6); changes > 0; --changes) {
      const size_t at = random.below(input.size());
      switch (random.below(3)) {
        case 0:
          input[at] = static_cast<char>(random.next());
          break;
        case 1:
          input.erase(at, random.below(8));
          break;
        default:
          input.insert(at, 1, static_cast<char>(random.next()));
      }
      if (input.empty()) input = "x";
    }
    run(input);
  }
}

}  // namespace
}  // namespace mishap::protocols::postgres
