#include <cstdint>

#include "mishap/event/decoder.h"
#include "mishap/event/event.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mishap;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  event::automatic_decoder()->decode(text);
  auto json = parse_json(text);
  if (!json) return 0;
  auto read = event::from_json(*json);
  if (!read) return 0;
  // What was read once is written and read again without change.
  Json written = event::to_json(*read);
  auto again = event::from_json(written);
  if (!again || event::to_json(*again) != written) __builtin_trap();
  return 0;
}
