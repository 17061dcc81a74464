// Any text: what YAML gives can be written as JSON, and that, which is YAML too, gives the same.
#include "mishap/base/json.h"
#include "mishap/base/testing/fuzz.h"

namespace mishap::testing {

std::vector<std::string> fuzz_seeds() {
  // Many keys, merged many times.
  std::string merges = "a: &a {";
  for (int i = 0; i < 300; ++i) merges += fmt::format("k{}: 1, ", i);
  merges += "}\nb: {<<: [";
  for (int i = 0; i < 300; ++i) merges += "*a, ";
  return {merges + "]}\n", std::string(499, '[') + std::string(499, ']')};
}

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
