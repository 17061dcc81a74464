// Places of a text that is read, as its errors name them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "mishap/base/result.h"

namespace mishap {

/// Both count from 1, columns in bytes; line 0: nobody knows.
struct TextPlace {
  size_t line = 0, column = 0;
};

/// A text that came from a file, or from nowhere in particular.
class TextName {
 public:
  /// `file` as the user named it, empty when there is none.
  explicit TextName(std::string_view file) : file_(file) {}

  /// An error at that place: "data.json:2:7: what", "line 2, column 7: what".
  tl::unexpected<Error> problem(TextPlace place, std::string_view what) const {
    const bool placed = place.line != 0;
    if (file_.empty() && !placed) return fail(std::string(what));
    if (file_.empty())
      return fail(fmt::format("line {}, column {}: {}", place.line, place.column, what));
    if (!placed) return fail(fmt::format("{}: {}", file_, what));
    return fail(fmt::format("{}:{}:{}: {}", file_, place.line, place.column, what));
  }
  /// Somewhere in it.
  tl::unexpected<Error> problem(std::string_view what) const { return problem({}, what); }

 private:
  std::string file_;
};

}  // namespace mishap
