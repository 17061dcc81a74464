// Any text: a value that was read is written and read again without change; the text of a scalar is
// JSON or plain; where no key comes twice, a file means the same.
#include "mishap/base/json.h"
#include "mishap/base/testing/fuzz.h"

namespace mishap::testing {

std::vector<std::string> fuzz_seeds() {
  return {std::string(400, '[') + std::string(400, ']'), std::string(501, '[')};
}

void fuzz_one(std::string_view input) {
  Result<Json> value = parse_json(input);
  Result<Json> strict = parse_json_file(input, "data.json");
  MISHAP_CHECK(strict || strict.error().message.starts_with("data.json:"));
  if (!value) {
    MISHAP_CHECK(!value.error().message.empty());
    MISHAP_CHECK(!strict);
    return;
  }
  MISHAP_CHECK(!strict || *strict == *value);
  const std::string text = to_text(*value);
  Result<Json> again = parse_json(text);
  MISHAP_CHECK(again, "{}: {}", text, again.error().message);
  MISHAP_CHECK(*again == *value, "{}", text);
  MISHAP_CHECK(to_text(*again) == text, "{}", text);
  const std::string scalar = scalar_text(*value);
  if (value->is_number()) {
    Result<Json> number = parse_json(scalar);
    MISHAP_CHECK(number && *number == *value, "{}", scalar);
  }
}

}  // namespace mishap::testing
