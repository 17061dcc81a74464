#include "mishap/protocols/h2core/dialect.h"

#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/glob.h"
#include "mishap/base/text.h"
#include "mishap/protocols/h2core/frame.h"

namespace mishap::protocols::h2core {

Result<Drop> parse_drop(std::string_view code) {
  const std::string upper = to_upper(code);
  if (upper == "GOAWAY") return Drop{Drop::What::goaway, kNoError};
  if (upper == "CONNECTION") return Drop{Drop::What::connection, kNoError};
  if (auto number = error_code(code)) return Drop{Drop::What::stream, *number};
  std::vector<std::string> known(kErrorNames.begin(), kErrorNames.end());
  known.insert(known.end(), {"GOAWAY", "CONNECTION"});
  return fail(
      fmt::format("\"{}\" is no error code of HTTP/2{}", code, nearest_or_all(upper, known)));
}

bool metadata_matches(const fault::ProtocolRule& rule, const HeaderFields& fields) {
  return std::all_of(rule.metadata.begin(), rule.metadata.end(), [&](const auto& wanted) {
    return std::any_of(fields.begin(), fields.end(), [&](const HeaderField& field) {
      return field.name == wanted.first && glob_request(wanted.second, field.value);
    });
  });
}

}  // namespace mishap::protocols::h2core
