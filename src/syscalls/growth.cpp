#include "growth.h"

#include <algorithm>
#include <array>

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <unistd.h>

namespace mishap::syscalls {
namespace {

constexpr uint64_t kBytesPerStatBlock =
    512;  // stat(2): st_blocks, whatever the file system's own size

/// st_blksize is the preferred transfer size, which network and striped file systems give in
/// megabytes: not more than a page.
uint64_t block_size_of(const struct stat& file) {
  auto size = uint64_t(file.st_blksize);
  bool power_of_two = size >= 512 && (size & (size - 1)) == 0;
  return power_of_two ? std::min<uint64_t>(size, 4096) : 4096;
}

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

/// Walks the map of extents from `range.begin`. Extents include preallocated ones; delayed
/// allocation beyond the end of the file is the file system's speculation, which a full disk does
/// not have. `supported` is false on tmpfs and others without a map.
std::optional<uint64_t> first_gap_in_map(int fd, Range range, uint64_t edge, bool& supported) {
  constexpr size_t kExtents = 32;
  alignas(fiemap) std::array<char, sizeof(fiemap) + kExtents * sizeof(fiemap_extent)> buffer;
  uint64_t at = range.begin;
  supported = true;
  while (at < range.end) {
    buffer.fill(0);
    auto* map = reinterpret_cast<fiemap*>(buffer.data());
    map->fm_start = at;
    map->fm_length = range.end - at;
    map->fm_extent_count = kExtents;
    if (ioctl(fd, FS_IOC_FIEMAP, map) != 0) {
      supported = false;
      return std::nullopt;
    }
    bool last = map->fm_mapped_extents == 0;
    for (uint32_t i = 0; i < map->fm_mapped_extents && at < range.end; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      bool speculative = extent.fe_logical >= edge && (extent.fe_flags & FIEMAP_EXTENT_DELALLOC);
      if (extent.fe_logical > at || speculative) return at;
      at = std::max<uint64_t>(at, extent.fe_logical + extent.fe_length);
      last = last || (extent.fe_flags & FIEMAP_EXTENT_LAST);
    }
    if (last) break;
  }
  if (at < range.end) return at;
  return std::nullopt;
}

/// Without a map of extents: holes below the size by SEEK_HOLE on a description of our own.
std::optional<uint64_t> first_hole_below_size(const Task& task, int fd, uint64_t size,
                                              uint64_t block, Range range) {
  UniqueFd file = task.reopen(fd);
  if (!file) return std::nullopt;
  // The block that holds the first byte; for an append, the block that holds the last byte of the
  // file.
  uint64_t from = std::min(range.begin, size - 1) / block * block;
  off_t hole = lseek(file.get(), off_t(from), SEEK_HOLE);
  if (hole < 0 || uint64_t(hole) >= std::min(range.end, size)) return std::nullopt;
  return std::max(uint64_t(hole), range.begin);
}

}  // namespace

std::optional<uint64_t> first_byte_without_block(Task& task, int fd, const struct stat& file,
                                                 Range range) {
  if (range.begin >= range.end) return std::nullopt;
  auto size = uint64_t(file.st_size);
  uint64_t block = block_size_of(file);
  uint64_t edge = round_up(size, block);
  uint64_t stored = uint64_t(file.st_blocks) * kBytesPerStatBlock;

  bool has_holes = stored < size;
  if (range.end <= edge && !has_holes) return std::nullopt;
  bool nothing_beyond = stored <= edge;
  if (nothing_beyond && (range.begin >= edge || !has_holes)) return std::max(edge, range.begin);

  UniqueFd copy = task.duplicate(fd);
  bool supported = false;
  if (copy) {
    // Whole blocks, because the map speaks of blocks.
    Range blocks{range.begin / block * block, round_up(range.end, block)};
    auto gap = first_gap_in_map(copy.get(), blocks, edge, supported);
    if (supported) {
      if (!gap || *gap >= range.end) return std::nullopt;
      return std::max(*gap, range.begin);
    }
  }
  if (has_holes) {
    if (auto hole = first_hole_below_size(task, fd, size, block, range)) return hole;
  }
  if (range.end <= edge) return std::nullopt;
  // More blocks than the size needs: preallocated beyond the end, taken to follow it directly.
  uint64_t preallocated_end = has_holes ? edge : std::max(edge, stored);
  if (range.end <= preallocated_end) return std::nullopt;
  return std::max(preallocated_end, range.begin);
}

}  // namespace mishap::syscalls
