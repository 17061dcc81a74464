// The built-in object types. Their bare operations are here; equality, ordering, hashing and
// printing are in operations.h.
//
// Mutating operations refuse on frozen values and while someone iterates; the messages are the
// errors a script sees.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/starlark/bigint.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

/// An int that does not fit 64 bits. Make with Heap::integer, which keeps small ones small.
class BigIntObject final : public Object {
 public:
  const BigInt number;

 private:
  friend class Heap;
  template <class Make>
  explicit BigIntObject(Make make) : Object(Kind::kBigInt), number(make()) {}
};

/// A string or a bytes value: immutable bytes, for strings meant to be UTF-8 but not bound to be.
class String final : public Object {
 public:
  std::string_view text() const { return {data(), size_}; }
  size_t size() const { return size_; }
  /// Of the bytes; computed once.
  uint64_t hash() const {
    if (hash_ == 0) hash_ = hash_bytes(text());
    return hash_;
  }
  /// Never 0. The same in every process.
  static uint64_t hash_bytes(std::string_view text);
  /// For the maker only, before anyone else has seen the string: memory for size() bytes.
  char* mutable_data() { return reinterpret_cast<char*>(this + 1); }

 private:
  friend class Heap;
  String(Kind kind, size_t size, size_t capacity)
      : Object(kind), size_(size), capacity_(capacity) {}
  const char* data() const { return reinterpret_cast<const char*>(this + 1); }

  size_t size_;
  size_t capacity_;
  mutable uint64_t hash_ = 0;
};

/// range(start, stop, step): `size` integers.
class Range final : public Object {
 public:
  Range(int64_t start, int64_t stop, int64_t step, int64_t size)
      : Object(Kind::kRange), start(start), stop(stop), step(step), size(size) {}
  int64_t at(int64_t index) const { return start + index * step; }
  const int64_t start, stop, step, size;
};

class Tuple final : public Container {
 public:
  ~Tuple() override {
    for (Value& item : mutable_items()) item.~Value();
  }
  std::span<const Value> items() const { return {data(), size_}; }
  size_t size() const { return size_; }
  const Value& operator[](size_t index) const { return data()[index]; }
  /// For the maker only: size() values, all invalid at first.
  std::span<Value> mutable_items() { return {data(), size_}; }
  void visit_children(const ValueVisitor& visit) override;

 private:
  friend class Heap;
  explicit Tuple(size_t size) : Container(Kind::kTuple), size_(size) {
    for (size_t i = 0; i < size; ++i) new (data() + i) Value();
  }
  /// Takes `values`, which are values no more.
  Tuple(size_t size, Value* values) : Container(Kind::kTuple), size_(size) {
    for (size_t i = 0; i < size; ++i) new (data() + i) Value(std::move(values[i]));
  }
  Value* data() const { return reinterpret_cast<Value*>(const_cast<Tuple*>(this) + 1); }

  size_t size_;
};

class List final : public Container {
 public:
  List() : Container(Kind::kList) {}
  std::span<const Value> items() const { return items_; }
  size_t size() const { return items_.size(); }
  const Value& operator[](size_t index) const { return items_[index]; }

  /// "cannot VERB frozen list", "cannot VERB list during iteration"; verb such as "append to".
  Result<void> check_mutable(std::string_view verb) const;
  Result<void> append(Value value);
  /// False, having done nothing, when append() would fail.
  bool quick_append(const Value& value) {
    if (frozen() || iterators_ > 0) return false;
    const bool full = items_.size() == items_.capacity();
    items_.push_back(value);
    if (full) recharge();
    return true;
  }
  Result<void> extend(std::span<const Value> values);  ///< `values` may be this list's own items
  Result<void> set(size_t index, Value value);         ///< index < size()
  Result<void> insert(size_t index, Value value);      ///< index <= size()
  Result<Value> remove(size_t index);  ///< index < size(); error text says "pop from"
  Result<void> clear();
  /// Without checks, for a list just made or one whose check_mutable was asked. Call recharge()
  /// after changing its capacity.
  std::vector<Value>& raw() { return items_; }
  void recharge();

  void begin_iteration() { ++iterators_; }
  void end_iteration() { --iterators_; }
  void visit_children(const ValueVisitor& visit) override;

 private:
  std::vector<Value> items_;
  uint32_t iterators_ = 0;
  size_t charged_capacity_ = 0;
};

/// The hash table of dicts and sets: insertion order, open addressing; a few entries are looked
/// through one by one. Keys are hashable values. Memory for entries comes from the pool of the
/// object whose table it is.
class Table {
 public:
  struct Entry {
    uint64_t hash = 0;
    Value key;  ///< invalid: removed
    Value value;
  };

  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  void swap(Table& other) noexcept;

  size_t size() const { return live_; }
  size_t entries_capacity() const { return capacity_; }
  /// All entries in insertion order, removed ones (invalid key) among them.
  std::span<const Entry> entries() const { return {entries_, count_}; }
  std::span<Entry> entries() { return {entries_, count_}; }

  const Entry* find(const Value& key, uint64_t hash) const;
  Entry* find(const Value& key, uint64_t hash) {
    return const_cast<Entry*>(static_cast<const Table*>(this)->find(key, hash));
  }
  const Entry* find_text(std::string_view key) const;
  /// The entry of `key`, made with an invalid value if there was none. Valid until the next change.
  Entry& insert(const Value& key, uint64_t hash, Pool& pool) {
    if (Entry* known = find(key, hash)) return *known;
    return insert_new(key, hash, pool);
  }
  /// The same of a key that there is none of.
  Entry& insert_new(const Value& key, uint64_t hash, Pool& pool);
  /// The removed value (invalid if there was no such key).
  Entry remove(const Value& key, uint64_t hash, Pool& pool);
  /// No entry before this one is live.
  size_t front() const { return front_; }
  /// Oldest live entry, null when empty.
  const Entry* first() const;
  const Entry* last() const;
  void clear(Pool& pool);
  /// The last call before the table goes.
  void drop(Pool& pool);
  size_t byte_size() const;

 private:
  static constexpr size_t kMostWithoutSlots = 8;

  size_t probe(const Value& key, uint64_t hash) const;
  void rebuild(size_t capacity, Pool& pool);
  void resize(size_t capacity, Pool& pool);
  void release(Pool& pool);
  /// The slot to look at first, by Fibonacci hashing: whichever bits of a hash differ, the highest
  /// of the product do, and those of a row of integers hardly ever collide.
  size_t home(uint64_t hash) const { return hash * 0x9E3779B97F4A7C15 >> shift_; }

  // Entries move as bytes when there are to be more.
  Entry* entries_ = nullptr;
  size_t count_ = 0;  // removed ones among them
  size_t capacity_ = 0;
  std::unique_ptr<uint32_t[]> slots_;  // index into entries_ + 1; 0 free. Null: few entries
  size_t mask_ = 0;                    // slots - 1
  int shift_ = 0;                      // 64 - log2(slots)
  size_t live_ = 0;
  size_t front_ = 0;  // entries before are removed ones
};

/// What dicts and sets share.
class TableObject : public Container {
 public:
  size_t size() const { return table_.size(); }
  const Table& table() const { return table_; }
  /// "cannot VERB frozen hash table", "cannot VERB hash table during iteration"; verb such as
  /// "insert into".
  Result<void> check_mutable(std::string_view verb) const;
  Result<bool> contains(const Value& key) const;  ///< error: unhashable
  Result<void> clear();
  void begin_iteration() { ++iterators_; }
  void end_iteration() { --iterators_; }
  void visit_children(const ValueVisitor& visit) override;
  /// Keys in order, a copy.
  std::vector<Value> keys() const;

 protected:
  explicit TableObject(Kind kind) : Container(kind) {}
  ~TableObject() override { table_.drop(pool()); }
  void recharge();

  Table table_;
  uint32_t iterators_ = 0;
  size_t charged_table_bytes_ = 0;
};

class Dict final : public TableObject {
 public:
  Dict() : TableObject(Kind::kDict) {}
  /// The value, or null. Error: unhashable. Valid until the next change.
  Result<const Value*> get(const Value& key) const;
  const Value* get_text(std::string_view key) const;
  Result<void> set(const Value& key, Value value);
  /// Takes the value of a key that has a quick_hash; gives back what was there before. False,
  /// having done nothing, when there is more to it.
  bool quick_set(const Value& key, Value& value);
  /// A string that is not among the keys of this dict, which nobody has seen yet.
  void add(const Value& key, Value value);
  /// The removed value, invalid if there was none.
  Result<Value> remove(const Value& key);
  /// d |= other.
  Result<void> update(const Dict& other);

 private:
  void put(const Value& key, uint64_t key_hash, Value& value) {
    const size_t capacity = table_.entries_capacity();
    table_.insert(key, key_hash, pool()).value.swap(value);
    if (table_.entries_capacity() != capacity) recharge();
  }
};

class Set final : public TableObject {
 public:
  Set() : TableObject(Kind::kSet) {}
  Result<void> add(const Value& key);
  Result<bool> remove(const Value& key);  ///< false: was not there
  /// Exchanges the items with those of `other`. For sets that may change.
  void take(Set& other);
};

inline std::string_view Value::text() const { return as<String>().text(); }

}  // namespace mishap::starlark
