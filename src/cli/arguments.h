// Values of options: what a word on the command line means, or why it means nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mishap/base/result.h"

namespace mishap::cli {

/// A whole number within [least, most]. Error: `--runs "x": write a whole number from 1 to 100`.
Result<uint64_t> number_argument(std::string_view flag, const std::string& text, uint64_t least,
                                 uint64_t most);

/// One of `known`, at least two. Error: `--format "x": write text or json`.
Result<std::string> word_argument(std::string_view flag, const std::string& text,
                                  std::span<const std::string> known);

/// Asks, before anything runs, whether `file` can be written afterwards; "" is fine. Error:
/// `--output "DIR/x.json": DIR: No such file or directory`.
Result<void> writable_argument(std::string_view flag, const std::string& file);

/// `names` for a message, the first `limit` of them: "a, b, and 7 more".
std::string listed(std::span<const std::string> names, size_t limit);

}  // namespace mishap::cli
