// Any text: what YAML gives can be written as JSON, and that, which is YAML too, gives the same.
#include <cmath>

#include "mishap/base/json.h"
#include "mishap/base/testing/fuzz.h"

namespace mishap::testing {

std::vector<std::string> fuzz_seeds() { return {}; }

void fuzz_one(std::string_view input) {
  Result<Json> value = parse_yaml(input);
  if (!value) {
    MISHAP_CHECK(!value.error().message.empty());
    return;
  }
  scalar_text(*value);
  const std::string text = to_text(*value);
  Result<Json> as_json = parse_json(text);
  MISHAP_CHECK(as_json, "{}: {}", text, as_json.error().message);
  MISHAP_CHECK(*as_json == *value, "{}", text);
}

}  // namespace mishap::testing
