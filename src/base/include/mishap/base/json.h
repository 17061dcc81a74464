// JSON values that keep the order of their keys. The library is nlohmann's; parse errors become
// Results here.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "mishap/base/result.h"

namespace mishap {

using Json = nlohmann::ordered_json;

/// Parses exactly one JSON text. The error names line and column: "line 3, column 7: expected ','
/// or '}'". Integers beyond 64 bits become doubles. Nesting deeper than 500 is an error.
Result<Json> parse_json(std::string_view text);

/// Parses one YAML document (libfyaml): merge keys and aliases resolved, duplicate keys an error,
/// keys must be strings. Plain scalars follow YAML 1.2 core: null, true/false, decimal integers,
/// floats; all else is text.
Result<Json> parse_yaml(std::string_view text);

/// Compact text; invalid UTF-8 is replaced, never thrown at.
std::string to_text(const Json& value);

/// A scalar as an event field: strings as they are, true/false, integers plain, doubles in shortest
/// form, null as "", arrays and objects as compact JSON.
std::string scalar_text(const Json& value);

}  // namespace mishap
