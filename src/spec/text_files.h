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

/// A spec may be this large.
inline constexpr uint64_t kLargestSpecBytes = uint64_t{16} << 20;

/// Error as above when the file is not there, cannot be read or is too large; reads nothing.
Result<void> require_readable(const std::filesystem::path& path,
                              uint64_t most_bytes = kLargestSpecBytes);

}  // namespace mishap::spec
