#include "mishap/base/check.h"
#include "mishap/base/testing/fuzz.h"
#include "mishap/protocols/h2core/messages.h"

#include "wire.h"

namespace mishap::testing {
namespace {

using namespace protocols::h2core;

/// Whatever was read is written by us and read again the same, by a reader that knows nothing.
void check_block(HeaderReader& reader, std::string_view block) {
  auto fields = reader.read(block);
  if (!fields) return;
  for (const HeaderField& field : *fields) {
    // Longer ones are written, but no reader of nghttp2's takes them.
    if (field.name.size() > 60'000 || field.value.size() > 60'000) return;
  }
  HeaderReader fresh;
  auto again = fresh.read(encode_block(*fields, true));
  MISHAP_CHECK(again && again->size() == fields->size());
  for (size_t i = 0; i < fields->size(); ++i) {
    MISHAP_CHECK((*again)[i].name == (*fields)[i].name && (*again)[i].value == (*fields)[i].value);
    MISHAP_CHECK((*again)[i].never_indexed == (*fields)[i].never_indexed);
  }
}

void check_messages(std::string_view body) {
  auto messages = split_messages(body);
  MessageCounter counter;
  for (size_t at = 0; at < body.size();) {
    const size_t taken = counter.consume(body.substr(at));
    MISHAP_CHECK(taken > 0);
    at += taken;
  }
  MISHAP_CHECK(counter.count() == static_cast<int>(messages.whole.size()));
  std::string out;
  for (const Message& message : messages.whole) {
    std::string encoded = encode_message(message.bytes);
    if (message.compressed) encoded[0] = body[out.size()];
    out += encoded;
  }
  MISHAP_CHECK(messages.ends_within_one == (out.size() < body.size()));
  MISHAP_CHECK(out == body.substr(0, out.size()));
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  protocols::h2core::testing::Speaker speaker;
  std::vector<std::string> seeds;
  for (const char* value : {"a", "b", "a long value that is worth a Huffman code"}) {
    const std::string block = speaker.block({{":path", value}, {"x", "same"}, {"y", value}});
    seeds.push_back(static_cast<char>(block.size()) + block);
  }
  seeds.push_back(seeds[0] + seeds[1] + seeds[2]);
  seeds.push_back('\0' + encode_message("one") + encode_message("two"));
  return seeds;
}

/// A byte of length and a block, several times; all of it as messages, too.
void fuzz_one(std::string_view input) {
  check_messages(input.substr(input.empty() ? 0 : 1));
  FuzzInput in(input);
  HeaderReader reader;
  while (!in.empty()) {
    const size_t size = in.byte();
    check_block(reader, in.take(size));
  }
}

}  // namespace mishap::testing
