// Checksums of files.
#pragma once

#include <filesystem>
#include <string>

#include "mishap/base/result.h"

namespace mishap::engine {

/// SHA-256 of what is in the file, 64 hexadecimal digits in lower case.
Result<std::string> sha256_of_file(const std::filesystem::path& file);

}  // namespace mishap::engine
