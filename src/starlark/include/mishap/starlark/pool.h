// Memory for the many small objects of an interpreter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace mishap::starlark {

/// Gives and takes back small pieces without asking the system: what was taken back is kept in a
/// list for each size, and new pieces are cut from blocks, which are freed with the pool. Used by
/// one thread at a time.
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  /// Pieces of a class have the same size. Class 0 is of what is too large to be kept here, and of
  /// everything in a build with the address sanitizer, which then sees each piece come and go.
  static uint8_t size_class(size_t bytes) {
    if (!kInUse || bytes > kLargest) return 0;
    return static_cast<uint8_t>((bytes + kGrain - 1) / kGrain);
  }
  /// At least `bytes`, which are of class `size_class`, aligned for any value.
  void* allocate(size_t bytes, uint8_t size_class) {
    if (size_class == 0) return ::operator new(bytes);
    Piece*& first = free_[size_class];
    if (first == nullptr) [[unlikely]]
      return cut(size_class * kGrain);
    Piece* piece = first;
    first = piece->next;
    return piece;
  }
  void release(void* memory, uint8_t size_class) {
    if (size_class == 0) return ::operator delete(memory);
    free_[size_class] = new (memory) Piece{free_[size_class]};
  }

 private:
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MISHAP_STARLARK_NO_POOL
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MISHAP_STARLARK_NO_POOL
#endif
#ifdef MISHAP_STARLARK_NO_POOL
  static constexpr bool kInUse = false;
#undef MISHAP_STARLARK_NO_POOL
#else
  static constexpr bool kInUse = true;
#endif
  static constexpr size_t kGrain = 16;
  static constexpr size_t kLargest = 512;
  struct Piece {
    Piece* next;
  };

  void* cut(size_t bytes) {
    if (bytes > static_cast<size_t>(end_ - unused_)) [[unlikely]]
      add_block();
    void* piece = unused_;
    unused_ += bytes;
    return piece;
  }
  void add_block();

  Piece* free_[kLargest / kGrain + 1] = {};
  std::byte* unused_ = nullptr;  // of the newest block
  std::byte* end_ = nullptr;
  std::vector<std::byte*> blocks_;
};

}  // namespace mishap::starlark
