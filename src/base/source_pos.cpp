#include "mishap/base/source_pos.h"

#include <fmt/format.h>

namespace mishap {

std::string SourcePos::text() const {
  if (line <= 0) return {};
  if (column <= 0) return fmt::format("{}:{}", file, line);
  return fmt::format("{}:{}:{}", file, line, column);
}

}  // namespace mishap
