// A place in a spec.
#pragma once

#include <string>

namespace mishap {

/// File as the user named it, 1-based line and column; line 0 means "nowhere".
struct SourcePos {
  std::string file;
  int line = 0;
  int column = 0;
  /// "spec.star:12:5", "spec.star:12" without a column, "" when nowhere.
  std::string text() const;
};

}  // namespace mishap
