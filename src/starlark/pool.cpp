#include "mishap/starlark/pool.h"

#include <algorithm>
#include <cstdlib>

#include <sys/mman.h>

#include "mishap/base/check.h"

namespace mishap::starlark {
namespace {

// Blocks grow with the program: few need more than the first. The largest are pages of the size
// that a program with much memory is fastest with, where the system has such.
constexpr size_t kSmallestBlock = size_t{1} << 14;
constexpr size_t kLargestBlock = size_t{1} << 21;

}  // namespace

Pool::~Pool() {
  for (std::byte* block : blocks_) std::free(block);
}

// What is left of the block before is less than one piece: it is not worth keeping.
void Pool::add_block() {
  const size_t size =
      std::min(kSmallestBlock << std::min<size_t>(blocks_.size(), 8), kLargestBlock);
  const bool large = size == kLargestBlock;
  void* block = large ? std::aligned_alloc(size, size) : std::malloc(size);
  MISHAP_CHECK(block != nullptr, "no memory for a block of {} bytes", size);
  // Advice: nothing depends on it.
  if (large) static_cast<void>(madvise(block, size, MADV_HUGEPAGE));
  blocks_.push_back(static_cast<std::byte*>(block));
  unused_ = blocks_.back();
  end_ = unused_ + size;
}

}  // namespace mishap::starlark
