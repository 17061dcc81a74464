// Readiness, with our own codec: a cell that only waits for a broker need not load a client
// library.
#include <array>

#include <fmt/format.h>

#include "apis.h"
#include "errors.h"
#include "steps.h"
#include "wire.h"

namespace mishap::protocols::kafka {
namespace {

constexpr int16_t kVersion =
    1;  // the first that tells the controller; brokers of all years have it
constexpr int32_t kLargestAnswer = 64 << 20;
constexpr size_t kCorrelationBytes = 4;

Result<void> read_exactly(net::Stream& stream, std::string& out, size_t size) {
  std::array<char, 16 * 1024> buffer;
  while (out.size() < size) {
    MISHAP_ASSIGN(size_t count,
                  stream.read_some({buffer.data(), std::min(buffer.size(), size - out.size())}));
    if (count == 0) return fail("connection closed before the answer");
    out.append(buffer.data(), count);
  }
  return {};
}

Result<std::string> ask(const net::Endpoint& endpoint, net::Deadline deadline,
                        const std::string& request) {
  MISHAP_ASSIGN(net::Stream stream, net::Stream::connect(endpoint, deadline, nullptr));
  MISHAP_TRY(stream.write_all(request));
  std::string size_text, answer;
  MISHAP_TRY(read_exactly(stream, size_text, 4));
  int32_t size = read_int32(size_text);
  if (size < static_cast<int32_t>(kCorrelationBytes) || size > kLargestAnswer)
    return fail("the answer is none of Kafka's");
  MISHAP_TRY(read_exactly(stream, answer, static_cast<size_t>(size)));
  return answer;
}

Result<void> judge(const Api& api, const Value& metadata) {
  if (find(api.answer, metadata, "brokers")->items.empty()) return fail("no broker is registered");
  if (find(api.answer, metadata, "controller_id")->number < 0) return fail("no controller yet");
  Schema topics = elements_of(api.answer, "topics");
  Schema partitions = elements_of(topics, "partitions");
  for (const Value& topic : find(api.answer, metadata, "topics")->items) {
    std::string_view name = find(topics, topic, "name")->text;
    auto code = static_cast<int16_t>(find(topics, topic, "error_code")->number);
    if (code != 0) return fail(fmt::format("topic \"{}\": {}", name, error_name(code)));
    for (const Value& partition : find(topics, topic, "partitions")->items) {
      if (find(partitions, partition, "leader_id")->number >= 0) continue;
      return fail(fmt::format("no leader yet for partition {} of topic \"{}\"",
                              find(partitions, partition, "index")->number, name));
    }
  }
  return {};
}

}  // namespace

Result<void> check_ready(const net::Endpoint& endpoint, net::Deadline deadline) {
  const Api& api = *find_api(kMetadata);
  Value all = absent_structure(api.request);
  find(api.request, all, "topics")->null = true;
  MISHAP_ASSIGN(std::string answer,
                ask(endpoint, deadline, make_request(api, kVersion, 1, "mishap", all)));
  auto metadata =
      read_message(api.answer, kVersion, false, std::string_view(answer).substr(kCorrelationBytes));
  if (!metadata) return fail("the answer is none of Kafka's");
  return judge(api, *metadata);
}

}  // namespace mishap::protocols::kafka
