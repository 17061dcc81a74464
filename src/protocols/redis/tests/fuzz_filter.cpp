// Random bytes in both directions, cut anywhere, under rules of every kind: nothing may crash, and
// nothing may be sent after an end.
#include <cstddef>
#include <cstdint>

#include "mishap/traffic/testing/fuzz.h"

#include "filter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mishap::protocols::redis::RedisFilter filter;
  mishap::traffic::testing::fuzz_filter(filter, data, size);
  return 0;
}
