// Would a write need blocks that a full disk could not give?
//
// A disk that is really full goes on taking what has blocks already: an overwrite, an append inside
// the last block, a write into a preallocated range. It refuses what needs new ones: past the last
// block, and into a hole inside the file. A write that starts where blocks are and runs over the
// edge is cut short there. (Measured on full tmpfs and ext4; not fsync, O_CREAT, rename or a
// growing ftruncate, which succeed.) Writes through mmap are invisible here.
#pragma once

#include <cstdint>
#include <optional>

#include <sys/stat.h>

#include "task.h"

namespace mishap::syscalls {

/// A range of a regular file that is about to be stored to.
struct Range {
  uint64_t begin = 0;
  uint64_t end = 0;
};

/// Offset of the first byte of the range that has no block, or nothing. Never moves the service's
/// file offset.
std::optional<uint64_t> first_byte_without_block(Task& task, int fd, const struct stat& file,
                                                 Range range);

}  // namespace mishap::syscalls
