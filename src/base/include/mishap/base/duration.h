// Durations as specs write them ("1h2m3.5s", the grammar of Go) and as events show them ("2m0s",
// "500ms").
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mishap/base/result.h"

namespace mishap {

using Nanoseconds = std::chrono::nanoseconds;

/// Parses optional sign, then one or more <decimal><unit> with units ns us µs μs ms s m h; "0"
/// alone is legal. Blanks at the ends are trimmed. Error: `bad duration "5": a number needs a unit,
/// as in "500ms" or "2s"`.
Result<Nanoseconds> parse_duration(std::string_view text);

/// Canonical form: 1.5s, 2m0s, 500ms, 250µs, 0s.
std::string format_duration(Nanoseconds duration);

}  // namespace mishap
