// The hash table of dicts and sets.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "mishap/base/check.h"
#include "mishap/starlark/objects.h"
#include "mishap/starlark/operations.h"

namespace mishap::starlark {

namespace {

// Most keys are strings: those are compared here, without a call.
inline bool same_key(const Value& a, const Value& b) {
  if (a.identical(b)) return true;
  if (a.is_string() && b.is_string()) return a.text() == b.text();
  return keys_equal(a, b);
}

}  // namespace

void Table::swap(Table& other) noexcept {
  std::swap(entries_, other.entries_);
  std::swap(count_, other.count_);
  std::swap(capacity_, other.capacity_);
  slots_.swap(other.slots_);
  std::swap(mask_, other.mask_);
  std::swap(shift_, other.shift_);
  std::swap(live_, other.live_);
  std::swap(front_, other.front_);
}

void Table::clear(Pool& pool) {
  // Emptied first: what goes may look at the table.
  Table dropped;
  swap(dropped);
  dropped.drop(pool);
}

void Table::drop(Pool& pool) {
  if (entries_ == nullptr) return;
  for (Entry& entry : entries()) entry.~Entry();
  release(pool);
}

void Table::release(Pool& pool) {
  const uint8_t size_class = Pool::size_class(capacity_ * sizeof(Entry));
  if (size_class == 0) {
    std::free(entries_);
  } else {
    pool.release(entries_, size_class);
  }
}

// Room for so many entries, no fewer than there are.
void Table::resize(size_t capacity, Pool& pool) {
  const size_t bytes = capacity * sizeof(Entry);
  const uint8_t size_class = Pool::size_class(bytes);
  const bool was_large = Pool::size_class(capacity_ * sizeof(Entry)) == 0;
  void* memory = nullptr;
  if (size_class == 0) {
    memory = std::realloc(was_large ? static_cast<void*>(entries_) : nullptr, bytes);
    MISHAP_CHECK(memory != nullptr, "no memory for a table of {} entries", capacity);
  } else {
    memory = pool.allocate(bytes, size_class);
  }
  if (entries_ != nullptr && !(size_class == 0 && was_large)) {
    std::memcpy(memory, static_cast<const void*>(entries_), count_ * sizeof(Entry));
    release(pool);
  }
  entries_ = static_cast<Entry*>(memory);
  capacity_ = capacity;
}

size_t Table::probe(const Value& key, uint64_t hash) const {
  size_t slot = home(hash);
  while (true) {
    const uint32_t index = slots_[slot];
    if (index == 0) return slot;
    const Entry& entry = entries_[index - 1];
    if (entry.hash == hash && entry.key.is_valid() && same_key(entry.key, key)) return slot;
    slot = (slot + 1) & mask_;
  }
}

const Table::Entry* Table::find(const Value& key, uint64_t hash) const {
  if (slots_ != nullptr) {
    const uint32_t index = slots_[probe(key, hash)];
    return index == 0 ? nullptr : &entries_[index - 1];
  }
  for (const Entry& entry : entries()) {
    if (entry.hash == hash && entry.key.is_valid() && same_key(entry.key, key)) return &entry;
  }
  return nullptr;
}

const Table::Entry* Table::find_text(std::string_view key) const {
  const uint64_t hash = String::hash_bytes(key);
  const auto is_it = [&](const Entry& entry) {
    return entry.hash == hash && entry.key.is_string() && entry.key.text() == key;
  };
  if (slots_ == nullptr) {
    const auto found = std::find_if(entries().begin(), entries().end(), is_it);
    return found == entries().end() ? nullptr : &*found;
  }
  for (size_t slot = home(hash); slots_[slot] != 0; slot = (slot + 1) & mask_) {
    if (const Entry& entry = entries_[slots_[slot] - 1]; is_it(entry)) return &entry;
  }
  return nullptr;
}

// Drops removed entries and makes room for `capacity` live ones; with slots, at a load of at most
// 2/3.
void Table::rebuild(size_t capacity, Pool& pool) {
  size_t kept = 0;
  for (const Entry& entry : entries()) {
    if (!entry.key.is_valid()) continue;
    if (&entry != entries_ + kept)
      std::memcpy(static_cast<void*>(entries_ + kept), static_cast<const void*>(&entry),
                  sizeof(Entry));
    ++kept;
  }
  count_ = kept;
  front_ = 0;
  size_t slots = 8;
  while (slots * 2 / 3 < capacity) slots *= 2;
  const bool few = capacity <= kMostWithoutSlots;
  const size_t least =
      capacity <= kMostWithoutSlots / 2 ? kMostWithoutSlots / 2 : kMostWithoutSlots;
  const size_t room = few ? least : slots * 2 / 3;
  if (room != capacity_) resize(room, pool);
  if (few) {
    slots_.reset();
    return;
  }
  if (slots_ == nullptr || mask_ + 1 != slots) {
    slots_ = std::make_unique<uint32_t[]>(slots);
  } else {
    std::fill_n(slots_.get(), slots, 0);
  }
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  for (size_t i = 0; i < count_; ++i) {
    size_t slot = home(entries_[i].hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

Table::Entry& Table::insert_new(const Value& key, uint64_t hash, Pool& pool) {
  if (capacity_ == 0) {
    resize(kMostWithoutSlots / 2, pool);
  } else if (count_ == capacity_) {
    rebuild(live_ < kMostWithoutSlots ? live_ + 1 : (live_ + 1) * 3 / 2 + 4, pool);
  }
  ++live_;
  Entry& added = *new (entries_ + count_++) Entry{hash, key, Value()};
  if (slots_ != nullptr) {
    size_t slot = home(hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<uint32_t>(count_);
  }
  return added;
}

Table::Entry Table::remove(const Value& key, uint64_t hash, Pool& pool) {
  Entry* entry = find(key, hash);
  if (entry == nullptr) return {};
  // The slot keeps pointing at the emptied entry, so that probing goes on past it.
  Entry removed = std::move(*entry);
  entry->key = Value();
  entry->value = Value();
  --live_;
  while (front_ < count_ && !entries_[front_].key.is_valid()) ++front_;
  if (live_ == 0) clear(pool);
  return removed;
}

const Table::Entry* Table::first() const {
  for (size_t i = front_; i < count_; ++i) {
    if (entries_[i].key.is_valid()) return &entries_[i];
  }
  return nullptr;
}

const Table::Entry* Table::last() const {
  for (size_t i = count_; i-- > 0;) {
    if (entries_[i].key.is_valid()) return &entries_[i];
  }
  return nullptr;
}

size_t Table::byte_size() const {
  return capacity_ * sizeof(Entry) + (slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(uint32_t));
}

}  // namespace mishap::starlark
