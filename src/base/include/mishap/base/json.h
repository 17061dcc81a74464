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
/// or '}'". Integers beyond 64 bits become doubles. Nesting deeper than 500 is an error. Of several
/// values of one key the last counts.
Result<Json> parse_json(std::string_view text);

/// As parse_json, for what somebody wrote: a key that comes twice is an error, and errors name the
/// file, as it is given: "data.json:3:7: expected ',' or '}'".
Result<Json> parse_json_file(std::string_view text, std::string_view file);

/// Parses one YAML document (libfyaml): merge keys and aliases resolved, duplicate keys an error,
/// keys must be strings. Plain scalars follow YAML 1.2 core: null, true/false, decimal integers,
/// floats; all else is text. Errors name the place as parse_json_file does, or parse_json without a
/// file.
Result<Json> parse_yaml(std::string_view text, std::string_view file = {});

/// Compact text; invalid UTF-8 is replaced, never thrown at.
std::string to_text(const Json& value);

/// A scalar as an event field: strings as they are, true/false, integers plain, doubles in shortest
/// form, null as "", arrays and objects as compact JSON.
std::string scalar_text(const Json& value);

}  // namespace mishap
