// Directories that are made once and then only read: each cell shows a private, writable clone.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/sandbox/cell.h"

namespace mishap::engine {

/// Makes the key of a prepared directory from everything that its content depends on. Two 64-bit
/// FNV-1a hashes: a cache, not a safeguard.
class CacheKey {
 public:
  /// Adds a part; parts do not run into each other.
  CacheKey& add(std::string_view part);
  std::string text() const;  ///< 32 hexadecimal digits

 private:
  uint64_t first_ = 0xcbf29ce484222325;
  uint64_t second_ = 0x84222325cbf29ce4;
};

/// `<cache>/<kind>/<key>/data`. When it does not exist yet, `build` fills an empty staging
/// directory with a `data` in it, and the whole becomes the entry at once. One process builds,
/// others wait for it. Parents are made, readable by everybody.
Result<std::filesystem::path> prepared_directory(
    const std::filesystem::path& cache, const std::string& kind, const std::string& key,
    const std::function<Result<void>(const std::filesystem::path& staging)>& build);

/// Gives a file or directory (not what is in it) to the user that will run the server; only root
/// can and needs to.
void hand_over(const std::filesystem::path& path, sandbox::CellUser user);

/// The end of a failed preparation's output that people need, indented.
std::string last_lines(std::string_view text, size_t count);

}  // namespace mishap::engine
