// Runs conformance scripts: many small Starlark programs in one file, with the errors they must
// give.
//
// A file is split on lines that are exactly `---`; each chunk runs alone, with the line numbers of
// the file. A line that ends with `### "regex"` or ### `regex` must give exactly one error whose
// message matches; all other lines must give none. The words option:set, option:while,
// option:recursion, option:globalreassign, option:toplevelcontrol and option:loadbindsglobally in a
// chunk switch a part of the dialect on; all are off otherwise.
//
// Chunks may load "assert.star" (assert with eq, ne, true, lt, contains, fails, fail; freeze),
// "json.star", "math.star" and "time.star", and see struct, hasfields, fibonacci, matches and
// catch. A failed assertion is an error of its line, but the chunk goes on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::starlark {

struct ConformanceFailure {
  int line = 0;  ///< in the file
  std::string message;
};

struct ConformanceReport {
  size_t passed = 0;  ///< chunks
  size_t failed = 0;
  std::vector<ConformanceFailure> failures;  ///< by chunk, then as found
  void add(ConformanceReport other);
};

/// Runs a file's text; `name` is what positions call it. Never fails as a whole: a broken
/// expectation is a failure of its chunk.
ConformanceReport run_conformance(std::string_view name, std::string_view text);

}  // namespace mishap::starlark
