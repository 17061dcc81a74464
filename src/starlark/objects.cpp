#include "mishap/starlark/objects.h"

#include <algorithm>
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
  table_.clear(pool());
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
  if (emptied) table_.clear(pool());
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
  put(key, key_hash, value);
  return {};
}

bool Dict::quick_set(const Value& key, Value& value) {
  if (frozen() || iterators_ > 0) return false;
  const auto key_hash = quick_hash(key);
  if (!key_hash) return false;
  put(key, *key_hash, value);
  return true;
}

void Dict::add(const Value& key, Value value) {
  const size_t capacity = table_.entries_capacity();
  table_.insert_new(key, key.as<String>().hash(), pool()).value = std::move(value);
  if (table_.entries_capacity() != capacity) recharge();
}

Result<Value> Dict::remove(const Value& key) {
  MISHAP_TRY(check_mutable("delete from"));
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  Table::Entry removed = table_.remove(key, key_hash, pool());
  recharge();
  return std::move(removed.value);
}

Result<void> Dict::update(const Dict& other) {
  MISHAP_TRY(check_mutable("insert into"));
  if (&other == this) return {};
  for (const Table::Entry& entry : other.table().entries()) {
    if (entry.key.is_valid()) table_.insert(entry.key, entry.hash, pool()).value = entry.value;
  }
  recharge();
  return {};
}

Result<void> Set::add(const Value& key) {
  if (frozen()) return check_mutable("insert into");
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  if (iterators_ > 0) return check_mutable("insert into");
  table_.insert(key, key_hash, pool());
  recharge();
  return {};
}

void Set::take(Set& other) {
  table_.swap(other.table_);
  recharge();
  other.recharge();
}

Result<bool> Set::remove(const Value& key) {
  MISHAP_TRY(check_mutable("delete from"));
  MISHAP_ASSIGN(const uint64_t key_hash, hash(key));
  const bool removed = table_.remove(key, key_hash, pool()).key.is_valid();
  recharge();
  return removed;
}

}  // namespace mishap::starlark
