// Where objects are made and their memory is counted. One heap per Interpreter.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "mishap/starlark/host.h"
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
  String* new_string(size_t size, Kind kind = Kind::kString) {
    note(size);
    return new_string(size, size, kind);
  }
  /// left + right; `left` may be grown in place when the caller's is the only reference to it.
  Value concat(Value left, std::string_view right);

  Value integer(BigInt&& number);  ///< small when it fits 64 bits
  /// The same of what `make()` gives, which is made where it stays: big numbers are not moved.
  template <class Make>
  Value integer_made(Make make) {
    BigIntObject* object = place<BigIntObject>(0, make);
    account_->used_bytes += bytes_of(*object);
    Value kept(object);
    if (const std::optional<int64_t> small = object->number.to_int64())
      return Value::integer(*small);
    return kept;
  }
  Value integer_u64(uint64_t number);
  Value list(std::vector<Value> items = {});
  Value tuple(std::span<const Value> items);
  Value tuple(std::initializer_list<Value> items) {
    return tuple(std::span(items.begin(), items.size()));
  }
  /// A tuple of `size` invalid values, to be filled before use.
  Tuple* new_tuple(size_t size);
  /// A tuple of values that it takes: what is left of them are no values any more.
  Tuple* take_tuple(Value* values, size_t size);
  Value dict();
  Value set();
  /// step must not be 0.
  Value range(int64_t start, int64_t stop, int64_t step);

  /// Any other object, such as a HostObject: `heap.make<Duration>(…)`.
  template <class T, class... Args>
  Value make(Args&&... args) {
    // A host object may have its Object anywhere inside, and needs its class to be deleted.
    T* object = nullptr;
    if constexpr (std::is_base_of_v<HostObject, T>) {
      object = new T(std::forward<Args>(args)...);
      object->account_ = account_;
      ++account_->objects;
    } else {
      object = place<T>(0, std::forward<Args>(args)...);
    }
    enlist(*object, sizeof(T));
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
  /// Before so many bytes are made at once: much of that is work that counts (bounds.h).
  static void note(size_t bytes) {
    constexpr size_t kMuch = 4096;
    if (bytes >= kMuch) [[unlikely]]
      note_much(bytes);
  }
  static void note_much(size_t bytes);
  /// An object in memory of the pool, with `tail` bytes behind it.
  template <class T, class... Args>
  T* place(size_t tail, Args&&... args) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    const size_t bytes = sizeof(T) + tail;
    const uint8_t size_class = Pool::size_class(bytes);
    T* object = new (account_->pool.allocate(bytes, size_class)) T(std::forward<Args>(args)...);
    object->size_class_ = size_class;
    object->account_ = account_;
    ++account_->objects;
    return object;
  }
  String* new_string(size_t size, size_t capacity, Kind kind) {
    auto* object = place<String>(capacity, kind, size, capacity);
    account_->used_bytes += bytes_of(*object);
    return object;
  }
  /// What an object that is not on the list is charged for.
  static size_t bytes_of(const String& string) { return sizeof(String) + string.capacity_; }
  static size_t bytes_of(const BigIntObject& integer) {
    return sizeof(BigIntObject) + integer.number.byte_size();
  }
  void enlist(Container& object, size_t bytes) {
    object.charged_bytes_ = bytes;
    account_->used_bytes += bytes;
    object.next_ = first_;
    if (first_ != nullptr) first_->previous_ = &object;
    first_ = &object;
  }
  void unlist(Container& object) {
    account_->used_bytes -= object.charged_bytes_;
    (object.previous_ != nullptr ? object.previous_->next_ : first_) = object.next_;
    if (object.next_ != nullptr) object.next_->previous_ = object.previous_;
    object.previous_ = object.next_ = nullptr;
  }

  Container* first_ = nullptr;
  HeapAccount* account_;
  uint64_t limit_bytes_ = UINT64_MAX;
};

}  // namespace mishap::starlark
