#include <cstdint>

#include "mishap/base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto value = mishap::parse_json({reinterpret_cast<const char*>(data), size});
  if (value) {
    mishap::scalar_text(*value);
    if (!mishap::parse_json(mishap::to_text(*value))) __builtin_trap();
  }
  return 0;
}
