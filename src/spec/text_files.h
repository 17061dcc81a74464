// Reading the files that a spec consists of and names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mishap/base/result.h"

namespace mishap::spec {

/// The whole file. Error: why not, in words that follow the name that the user wrote: "no such
/// file; did you mean \"spec.star\"?", "it is a directory", "permission denied", "larger than 50
/// bytes".
Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t most_bytes);

/// Error as above when the file is not there or cannot be read; opens it, reads nothing.
Result<void> require_readable(const std::filesystem::path& path);

}  // namespace mishap::spec
