// Floats as text and back, exactly.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mishap::starlark {

/// What `str` prints: the shortest digits that read back as the same number, with an exponent when
/// it is below -4 or at least 6, and always a "." or an exponent, so that it cannot be taken for an
/// int. "+inf", "-inf", "nan".
std::string float_text(double value);

/// What `%` prints for `conversion` e, E, f, F (six digits after the point), g or G (as
/// float_text).
std::string float_text(double value, char conversion);

/// Reads a decimal float or "inf", "infinity", "nan" in any case, with an optional sign; the whole
/// text must be used. A number beyond the range of a double is nullopt.
std::optional<double> parse_float(std::string_view text);

}  // namespace mishap::starlark
