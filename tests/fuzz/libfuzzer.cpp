// A fuzz target as libFuzzer wants it. `PROGRAM --write-seeds DIRECTORY` writes the seeds that the
// target makes by code, and ends: libFuzzer itself takes files only.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "mishap/base/testing/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mishap::testing::fuzz_one({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  if (*count != 3 || std::string_view((*arguments)[1]) != "--write-seeds") return 0;
  const std::string directory = (*arguments)[2];
  size_t number = 0;
  for (const std::string& seed : mishap::testing::fuzz_seeds()) {
    std::ofstream file(directory + "/seed-" + std::to_string(number++), std::ios::binary);
    if (!file.write(seed.data(), static_cast<std::streamsize>(seed.size()))) {
      std::fprintf(stderr, "cannot write to %s\n", directory.c_str());
      std::exit(1);
    }
  }
  std::exit(0);
}
