// Values of rows as specs see them.
#pragma once

#include <string_view>

#include "mishap/base/json.h"

namespace mishap::protocols::postgres {

/// `text` is the server's text form, `type` the OID of the column's type (pg_type.dat). Integers
/// and oid become integers, floats numbers (NaN and infinities text), booleans true or false, dates
/// and timestamps RFC 3339 text; all else stays text.
Json value_of(unsigned type, std::string_view text);

}  // namespace mishap::protocols::postgres
