// Any bytes in any cuts: the filter neither crashes nor sends after it has ended, and without rules
// nothing is lost or added.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mishap/traffic/testing/transcript.h"

#include "filter.h"
#include "wire.h"

using namespace mishap;
using namespace mishap::protocols::postgres;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  traffic::testing::FakeSink sink;
  PostgresFilter filter;
  const bool with_rules = size > 0 && data[0] & 1;
  if (with_rules) {
    sink.rules = {
        traffic::testing::delay_rule(std::chrono::seconds(1), {{"query", "s*"}}),
        traffic::testing::rule(fault::ProtocolAction::error, {{"query", "*i*"}}, "disk full")};
  }
  std::string sent[2];
  filter.on_bytes(traffic::Direction::to_server, wire::startup(), sink);
  // Each chunk: a byte with direction and length, then its bytes.
  for (size_t i = 1; i < size && !sink.outcome.ended;) {
    const bool client = data[i] & 1;
    const size_t count = std::min<size_t>(data[i] >> 1, size - i - 1);
    const std::string_view chunk(reinterpret_cast<const char*>(data) + i + 1, count);
    i += 1 + count;
    sent[client].append(chunk);
    filter.on_bytes(client ? traffic::Direction::to_server : traffic::Direction::to_client, chunk,
                    sink);
    if (!sink.outcome.ended && with_rules && count % 7 == 0)
      sink.advance(std::chrono::seconds(1), filter);
  }
  if (!sink.outcome.ended) filter.on_eof(traffic::Direction::to_client, sink);
  if (!sink.outcome.ended) filter.on_eof(traffic::Direction::to_server, sink);
  if (!with_rules &&
      (sink.outcome.to_client != sent[0] || sink.outcome.to_server != wire::startup() + sent[1])) {
    std::abort();
  }
  return 0;
}
