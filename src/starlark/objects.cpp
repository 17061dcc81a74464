#include "mishap/starlark/objects.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "mishap/starlark/operations.h"

#include "wide.h"

namespace mishap::starlark {

// --- String

namespace {

// One to seven bytes as a number, by loads of fixed sizes that may overlap: together with the size
// of the text they tell any two tails apart.
inline uint64_t tail_word(const char* bytes, size_t left) {
  if (left >= 4) {
    uint32_t first = 0;
    uint32_t last = 0;
    std::memcpy(&first, bytes, 4);
    std::memcpy(&last, bytes + left - 4, 4);
    return first | uint64_t{last} << 32;
  }
  const auto at = [&](size_t i) { return uint64_t{static_cast<unsigned char>(bytes[i])}; };
  return at(0) | at(left / 2) << 8 | at(left - 1) << 16;
}

}  // namespace

uint64_t String::hash_bytes(std::string_view text) {
  // Eight bytes at a time, multiply and fold (the mixing step of wyhash, public domain).
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
  uint64_t state = text.size() * kFactor + 0x2545F4914F6CDD1D;
  const auto mix = [&](uint64_t word) {
    const auto product = static_cast<Uint128>(state ^ word) * (kFactor ^ 0xA0761D6478BD642F);
    state = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const char* bytes = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    mix(word);
  }
  if (left > 0) mix(tail_word(bytes, left));
  mix(kFactor);
  return state == 0 ? 1 : state;
}

// --- Tuple

Tuple::Tuple(size_t size) : Object(Kind::kTuple), size_(size) {
  for (size_t i = 0; i < size; ++i) new (data() + i) Value();
}

Tuple::~Tuple() {
  for (Value& item : mutable_items()) item.~Value();
}

void Tuple::visit_children(const ValueVisitor& visit) {
  for (Value& item : mutable_items()) visit(item);
}

// --- List

Result<void> List::check_mutable(std::string_view verb) const {
  if (frozen()) return fail(fmt::format("cannot {} frozen list", verb));
  if (iterators_ > 0) return fail(fmt::format("cannot {} list during iteration", verb));
  return {};
}

void List::recharge() {
  if (items_.capacity() == charged_capacity_) return;
  account((static_cast<int64_t>(items_.capacity()) - static_cast<int64_t>(charged_capacity_)) *
          static_cast<int64_t>(sizeof(Value)));
  charged_capacity_ = items_.capacity();
}

Result<void> List::append(Value value) {
  if (frozen() || iterators_ > 0) return check_mutable("append to");
  items_.push_back(std::move(value));
  recharge();
  return {};
}

Result<void> List::extend(std::span<const Value> values) {
  MISHAP_TRY(check_mutable("extend"));
  if (items_.capacity() - items_.size() < values.size()) {
    std::vector<Value> grown;
    grown.reserve(std::max(items_.size() + values.size(), items_.size() * 2));
    grown.insert(grown.end(), items_.begin(), items_.end());
    grown.insert(grown.end(), values.begin(), values.end());
    items_.swap(grown);
  } else {
    for (const Value& value : values) items_.push_back(value);
  }
  recharge();
  return {};
}

Result<void> List::set(size_t index, Value value) {
  MISHAP_TRY(check_mutable("assign to element of"));
  items_[index] = std::move(value);
  return {};
}

Result<void> List::insert(size_t index, Value value) {
  MISHAP_TRY(check_mutable("insert into"));
  items_.insert(items_.begin() + static_cast<ptrdiff_t>(index), std::move(value));
  recharge();
  return {};
}

Result<Value> List::remove(size_t index) {
  MISHAP_TRY(check_mutable("pop from"));
  Value removed = std::move(items_[index]);
  items_.erase(items_.begin() + static_cast<ptrdiff_t>(index));
  return removed;
}

Result<void> List::clear() {
  MISHAP_TRY(check_mutable("clear"));
  std::vector<Value> dropped;
  items_.swap(dropped);
  recharge();
  return {};
}

void List::visit_children(const ValueVisitor& visit) {
  for (Value& item : items_) visit(item);
}

// --- Table

namespace {

// Most keys are strings: those are compared here, without a call.
inline bool same_key(const Value& a, const Value& b) {
  if (a.identical(b)) return true;
  if (a.is_string() && b.is_string()) return a.text() == b.text();
  return keys_equal(a, b);
}

}  // namespace

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
  if (live_ == 0) return nullptr;
  const uint32_t index = slots_[probe(key, hash)];
  return index == 0 ? nullptr : &entries_[index - 1];
}

const Table::Entry* Table::find_text(std::string_view key) const {
  if (live_ == 0) return nullptr;
  const uint64_t hash = String::hash_bytes(key);
  for (size_t slot = home(hash); slots_[slot] != 0; slot = (slot + 1) & mask_) {
    const Entry& entry = entries_[slots_[slot] - 1];
    if (entry.hash == hash && entry.key.is_string() && entry.key.text() == key) return &entry;
  }
  return nullptr;
}

// Drops removed entries and makes room for `capacity` live ones at a load of at most 2/3.
void Table::rebuild(size_t capacity) {
  size_t slots = 8;
  while (slots * 2 / 3 < capacity) slots *= 2;
  if (live_ != entries_.size()) {
    std::erase_if(entries_, [](const Entry& entry) { return !entry.key.is_valid(); });
  }
  front_ = 0;
  entries_.reserve(slots * 2 / 3);
  if (mask_ + 1 != slots || slots_ == nullptr) slots_ = std::make_unique<uint32_t[]>(slots);
  std::fill_n(slots_.get(), slots, 0);
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
  for (size_t i = 0; i < entries_.size(); ++i) {
    size_t slot = home(entries_[i].hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
    slots_[slot] = static_cast<uint32_t>(i + 1);
  }
}

Table::Entry& Table::insert(const Value& key, uint64_t hash) {
  size_t slot = 0;
  if (slots_ != nullptr) {
    slot = probe(key, hash);
    if (slots_[slot] != 0) return entries_[slots_[slot] - 1];
  }
  if (slots_ == nullptr || (entries_.size() + 1) * 3 > (mask_ + 1) * 2) {
    rebuild((live_ + 1) * 3 / 2 + 4);
    slot = home(hash);
    while (slots_[slot] != 0) slot = (slot + 1) & mask_;
  }
  entries_.push_back({hash, key, Value()});
  slots_[slot] = static_cast<uint32_t>(entries_.size());
  ++live_;
  return entries_.back();
}

Table::Entry Table::remove(const Value& key, uint64_t hash) {
  Entry* entry = find(key, hash);
  if (entry == nullptr) return {};
  // The slot keeps pointing at the emptied entry, so that probing goes on past it.
  Entry removed = std::move(*entry);
  entry->key = Value();
  entry->value = Value();
  --live_;
  while (front_ < entries_.size() && !entries_[front_].key.is_valid()) ++front_;
  if (live_ == 0) clear();
  return removed;
}

const Table::Entry* Table::first() const {
  for (size_t i = front_; i < entries_.size(); ++i) {
    if (entries_[i].key.is_valid()) return &entries_[i];
  }
  return nullptr;
}

const Table::Entry* Table::last() const {
  for (size_t i = entries_.size(); i-- > 0;) {
    if (entries_[i].key.is_valid()) return &entries_[i];
  }
  return nullptr;
}

void Table::clear() {
  std::vector<Entry> dropped;
  entries_.swap(dropped);
  slots_.reset();
  mask_ = live_ = front_ = 0;
}

size_t Table::byte_size() const {
  return entries_.capacity() * sizeof(Entry) +
         (slots_ == nullptr ? 0 : (mask_ + 1) * sizeof(uint32_t));
}

// --- TableObject, Dict, Set

Result<void> TableObject::check_mutable(std::string_view verb) const {
  if (frozen()) return fail(fmt::format("cannot {} frozen hash table", verb));
  if (iterators_ > 0) return fail(fmt::format("cannot {} hash table during iteration", verb));
  return {};
}

void TableObject::recharge() {
  const size_t bytes = table_.byte_size();
  if (bytes == charged_table_bytes_) return;
  account(static_cast<int64_t>(bytes) - static_cast<int64_t>(charged_table_bytes_));
  charged_table_bytes_ = bytes;
}

Result<bool> TableObject::contains(const Value& key) const {
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  return table_.find(key, key_hash) != nullptr;
}

Result<void> TableObject::clear() {
  MISHAP_TRY(check_mutable("clear"));
  Table dropped;
  std::swap(dropped, table_);
  recharge();
  return {};
}

void TableObject::visit_children(const ValueVisitor& visit) {
  bool emptied = false;
  for (Table::Entry& entry : table_.entries()) {
    if (!entry.key.is_valid()) continue;
    visit(entry.key);
    visit(entry.value);
    emptied = emptied || !entry.key.is_valid();
  }
  if (emptied) table_.clear();
}

std::vector<Value> TableObject::keys() const {
  std::vector<Value> keys;
  keys.reserve(table_.size());
  for (const Table::Entry& entry : table_.entries()) {
    if (entry.key.is_valid()) keys.push_back(entry.key);
  }
  return keys;
}

Result<const Value*> Dict::get(const Value& key) const {
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  const Table::Entry* entry = table_.find(key, key_hash);
  return entry == nullptr ? nullptr : &entry->value;
}

const Value* Dict::get_text(std::string_view key) const {
  const Table::Entry* entry = table_.find_text(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Result<void> Dict::set(const Value& key, Value value) {
  if (frozen()) return check_mutable("insert into");
  const auto quick = quick_hash(key);
  uint64_t key_hash = quick.value_or(0);
  if (!quick) {
    MISHAP_ASSIGN(key_hash, hash(key));
  }
  if (iterators_ > 0) return check_mutable("insert into");
  const size_t capacity = table_.entries_capacity();
  Table::Entry& entry = table_.insert(key, key_hash);
  entry.value.swap(value);
  if (table_.entries_capacity() != capacity) recharge();
  return {};
}

Result<Value> Dict::remove(const Value& key) {
  MISHAP_TRY(check_mutable("delete from"));
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  Table::Entry removed = table_.remove(key, key_hash);
  recharge();
  return std::move(removed.value);
}

Result<void> Dict::update(const Dict& other) {
  MISHAP_TRY(check_mutable("insert into"));
  if (&other == this) return {};
  for (const Table::Entry& entry : other.table().entries()) {
    if (entry.key.is_valid()) table_.insert(entry.key, entry.hash).value = entry.value;
  }
  recharge();
  return {};
}

Result<void> Set::add(const Value& key) {
  if (frozen()) return check_mutable("insert into");
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  if (iterators_ > 0) return check_mutable("insert into");
  table_.insert(key, key_hash);
  recharge();
  return {};
}

void Set::take(Set& other) {
  std::swap(table_, other.table_);
  recharge();
  other.recharge();
}

Result<bool> Set::remove(const Value& key) {
  MISHAP_TRY(check_mutable("delete from"));
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  const bool removed = table_.remove(key, key_hash).key.is_valid();
  recharge();
  return removed;
}

}  // namespace mishap::starlark
