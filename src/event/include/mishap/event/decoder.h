// Decoders turn a line of output (or a message) into fields.
#pragma once

#include <memory>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/event/event.h"

namespace mishap::event {

struct Decoded {
  Fields fields;
  Json data;  ///< typed content; null when the line had none
};

/// Pure and stateless; any thread. `raw` is always among the fields.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual Decoded decode(std::string_view line) const = 0;
};

std::shared_ptr<const Decoder> json_decoder();
std::shared_ptr<const Decoder> logfmt_decoder();
/// RE2 syntax, named groups become fields. Error: the pattern and what RE2 says of it.
Result<std::shared_ptr<const Decoder>> regex_decoder(const std::string& pattern);
/// What services have without `observe=`: a JSON object or logfmt (at least two key=value words and
/// nothing before the first) is decoded, anything else is `raw` alone.
std::shared_ptr<const Decoder> automatic_decoder();

}  // namespace mishap::event
