// Any bytes as bodies of every api and version, as requests and as texts of rules: what was read is
// written and read again the same, and every answer of ours can be read.
#include "mishap/base/testing/fuzz.h"

#include "conversation.h"
#include "errors.h"
#include "request.h"
#include "wire.h"

namespace mishap::testing {
namespace {

using namespace protocols::kafka;
using namespace protocols::kafka::testing;

void bodies(const Api& api, int16_t version, Schema schema, std::string_view bytes) {
  size_t taken = 0;
  auto value = read_message(schema, version, api.flexible(version), bytes, &taken);
  if (!value) return;
  MISHAP_CHECK(taken <= bytes.size());
  const std::string written = write_message(schema, version, api.flexible(version), *value);
  MISHAP_CHECK(written.size() <= taken, "a length may be written shorter than it was, not longer");
  auto again = read_message(schema, version, api.flexible(version), written, &taken);
  MISHAP_CHECK(again && taken == written.size());
  MISHAP_CHECK(write_message(schema, version, api.flexible(version), *again) == written);
}

void requests(std::string_view bytes) {
  if (bytes.size() < kFixedHeaderBytes) return;
  Request request(make_frame(bytes, ""));
  if (request.api() == nullptr) return;
  const Api& api = *request.api();
  const int16_t version = request.header().version;
  const std::string answer = request.encode(request.answer(6, "message"));
  auto header = answer_header_size(api, version, std::string_view(answer).substr(4));
  MISHAP_CHECK(header.has_value());
  size_t taken = 0;
  std::string_view body = std::string_view(answer).substr(4 + *header);
  MISHAP_CHECK(read_message(api.answer, version, api.flexible(version), body, &taken) &&
               taken == body.size());
  TopicNames names;
  if (request.topics() == nullptr) return;
  for (size_t i = 0; i < request.topics()->size(); ++i) {
    request.topic_name((*request.topics())[i], names);
    Request alone(request.frame_for({i}));
    MISHAP_CHECK(alone.api() != nullptr && alone.topics()->size() == 1);
    if (api.key == kProduce) request.is_idempotent((*request.topics())[i]);
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  for (const std::string& frame :
       {produce(3, 1, {{"a"}, {"b", {1, 2}}}), produce(9, 1, {{"a", {0}, batch(4)}}),
        produce(13, 1, {{topic_id('x')}}), fetch(4, 1, {{"a"}}), fetch(13, 1, {{topic_id('x')}}),
        metadata(1, 1, {}), metadata(12, 1, {"a"}), plain_request(kJoinGroup, 9, 1),
        plain_request(kOffsetFetch, 8, 1), plain_request(kCreateTopics, 7, 1),
        described(12, 1, {{"a", topic_id('x')}}), produced(9, 1, {{"a"}}),
        api_versions(3, 1, {{0, 0, 9}})})
    seeds.push_back(std::string("\x09\x01", 2) + frame.substr(4));
  return seeds;
}

void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const int16_t version = in.byte() % 20;
  const Api* api = find_api(in.byte() % 64);
  std::string_view rest = in.take(input.size());
  requests(rest);
  if (api != nullptr && api->knows(version)) {
    bodies(*api, version, api->request, rest);
    bodies(*api, version, api->answer, rest);
  }
  error_code_in(rest);
  if (auto code = parse_error_code(rest)) error_name(*code);
}

}  // namespace mishap::testing
