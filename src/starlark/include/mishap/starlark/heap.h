// Where objects are made and their memory is counted. One heap per Interpreter.
#pragma once

#include <atomic>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "mishap/starlark/objects.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

/// Dropping the heap empties every object on its list and so frees cycles; see Object. Used by one
/// thread at a time.
class Heap {
 public:
  Heap() : account_(new HeapAccount{this}) {}
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  Value string(std::string_view text);
  Value bytes(std::string_view data);
  /// An uninitialised string or bytes object of `size` bytes, to be filled through mutable_data()
  /// before use.
  String* new_string(size_t size, Kind kind = Kind::kString);
  /// left + right; `left` may be grown in place when the caller's is the only reference to it.
  Value concat(Value left, std::string_view right);

  Value integer(BigInt&& number);  ///< small when it fits 64 bits
  Value integer_u64(uint64_t number);
  Value list(std::vector<Value> items = {});
  Value tuple(std::span<const Value> items);
  Value tuple(std::initializer_list<Value> items) {
    return tuple(std::span(items.begin(), items.size()));
  }
  /// A tuple of `size` invalid values, to be filled before use.
  Tuple* new_tuple(size_t size);
  Value dict();
  Value set();
  /// step must not be 0.
  Value range(int64_t start, int64_t stop, int64_t step);

  /// Any other object, such as a HostObject: `heap.make<Duration>(…)`.
  template <class T, class... Args>
  Value make(Args&&... args) {
    T* object = new T(std::forward<Args>(args)...);
    attach_listed(object, sizeof(T));
    return Value(object);
  }

  /// 0: no limit. When more is in use, running threads stop with "memory limit exceeded".
  void set_limit(uint64_t bytes) { limit_bytes_ = bytes == 0 ? UINT64_MAX : bytes; }
  uint64_t limit() const { return limit_bytes_ == UINT64_MAX ? 0 : limit_bytes_; }
  uint64_t used() const { return account_->used_bytes; }
  /// Whether an object of that size would keep within the limit. Ask before making something a
  /// script can make huge.
  bool can_allocate(uint64_t bytes) const {
    return bytes <= limit_bytes_ && used() <= limit_bytes_ - bytes;
  }
  bool exceeded() const { return used() > limit_bytes_; }

  /// Frees objects that only refer to each other. Must be called when no Starlark code runs.
  /// Returns how many.
  size_t collect_cycles();

 private:
  friend class Object;
  /// Of an object that holds no other.
  void attach_leaf(Object* object, size_t bytes) {
    object->account_ = account_;
    object->charged_bytes_ = bytes;
    account_->used_bytes += bytes;
    ++account_->leaves;
  }
  void attach_listed(Object* object, size_t bytes);
  void detach(Object* object);

  Object* first_ = nullptr;
  HeapAccount* account_;
  uint64_t limit_bytes_ = UINT64_MAX;
};

}  // namespace mishap::starlark
