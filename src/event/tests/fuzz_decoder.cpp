// Any line by every decoder, a regular expression of the input's own included: `raw` is always
// there, and what was decoded is JSON that can be written.
#include "mishap/base/testing/fuzz.h"
#include "mishap/event/decoder.h"
#include "mishap/event/filter.h"

namespace mishap::testing {
namespace {

void decode(const event::Decoder& decoder, std::string_view line) {
  const event::Decoded decoded = decoder.decode(line);
  const std::string* raw = decoded.fields.find("raw");
  MISHAP_CHECK(raw != nullptr);
  const bool has_raw = decoded.data.is_object() && decoded.data.contains("raw");
  MISHAP_CHECK(has_raw || *raw == line, "{}", *raw);
  if (!decoded.data.is_object()) return;
  MISHAP_CHECK(decoded.fields.size() == decoded.data.size() + (has_raw ? 0 : 1));
  for (const auto& [name, value] : decoded.data.items())
    MISHAP_CHECK(decoded.fields.get(name) == scalar_text(value), "{}", name);
  auto again = parse_json(to_text(decoded.data));
  MISHAP_CHECK(again, "{}", again.error().message);
}

}  // namespace

std::vector<std::string> fuzz_seeds() { return {}; }

/// Lines: a regular expression, then the line to decode.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const std::string_view pattern = in.until('\n');
  const std::string_view line = in.rest();
  decode(*event::json_decoder(), line);
  decode(*event::logfmt_decoder(), line);
  decode(*event::automatic_decoder(), line);
  if (auto decoder = event::regex_decoder(std::string(pattern))) decode(**decoder, line);

  event::Filter filter;
  filter.criteria = {{"raw", std::string(pattern)}, {"type", "std*"}};
  event::Event event;
  event.type = "stdout";
  event.fields = event::automatic_decoder()->decode(line).fields;
  filter.matches(event);
  filter.text();
}

}  // namespace mishap::testing
