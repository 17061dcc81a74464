#include "mishap/starlark/heap.h"

#include <algorithm>
#include <unordered_map>

#include "bounds.h"
#include "wide.h"

namespace mishap::starlark {

Heap::~Heap() {
  // Hold everything first: emptying one object may drop the last reference to the next on the list.
  std::vector<Value> all;
  for (Container* object = first_; object != nullptr; object = object->next_)
    all.emplace_back(object);
  for (const Value& value : all) {
    value.object()->frozen_ = false;
    value.object()->visit_children([](Value& child) { child = Value(); });
  }
  all.clear();
  // What is left is held from outside.
  while (first_ != nullptr) unlist(*first_);
  account_->heap = nullptr;
  if (account_->objects == 0) delete account_;
}

void Heap::note_much(size_t bytes) { note_bytes(bytes); }

Value Heap::string(std::string_view text) {
  String* object = new_string(text.size());
  if (!text.empty()) std::memcpy(object->mutable_data(), text.data(), text.size());
  return Value(object);
}

Value Heap::bytes(std::string_view data) {
  String* object = new_string(data.size(), Kind::kBytes);
  if (!data.empty()) std::memcpy(object->mutable_data(), data.data(), data.size());
  return Value(object);
}

Value Heap::concat(Value left, std::string_view right) {
  auto& old = left.as<String>();
  const size_t size = old.size_ + right.size();
  if (old.references() == 1 && old.capacity_ >= size && !old.frozen()) {
    std::memcpy(old.mutable_data() + old.size_, right.data(), right.size());
    old.size_ = size;
    old.hash_ = 0;
    return left;
  }
  // Room to grow only for a string that is being built up: one nobody else holds.
  note(size);
  const size_t capacity = old.references() == 1 && size > 64 ? size + size / 2 : size;
  String* object = new_string(size, capacity, left.kind());
  std::memcpy(object->mutable_data(), old.data(), old.size_);
  std::memcpy(object->mutable_data() + old.size_, right.data(), right.size());
  return Value(object);
}

Value Heap::integer(BigInt&& number) {
  if (const std::optional<int64_t> small = number.to_int64()) return Value::integer(*small);
  return integer_made([&] { return std::move(number); });
}

Value Heap::integer_u64(uint64_t number) {
  if (number <= static_cast<uint64_t>(INT64_MAX))
    return Value::integer(static_cast<int64_t>(number));
  return integer(BigInt::from_u64(number));
}

Value Heap::list(std::vector<Value> items) {
  note(items.size() * sizeof(Value));
  auto* object = place<List>(0);
  enlist(*object, sizeof(List));
  object->raw() = std::move(items);
  object->recharge();
  return Value(object);
}

Tuple* Heap::new_tuple(size_t size) {
  note(size * sizeof(Value));
  auto* object = place<Tuple>(size * sizeof(Value), size);
  enlist(*object, sizeof(Tuple) + size * sizeof(Value));
  return object;
}

Tuple* Heap::take_tuple(Value* values, size_t size) {
  note(size * sizeof(Value));
  auto* object = place<Tuple>(size * sizeof(Value), size, values);
  enlist(*object, sizeof(Tuple) + size * sizeof(Value));
  return object;
}

Value Heap::tuple(std::span<const Value> items) {
  Tuple* object = new_tuple(items.size());
  std::copy(items.begin(), items.end(), object->mutable_items().begin());
  return Value(object);
}

Value Heap::dict() { return make<Dict>(); }
Value Heap::set() { return make<Set>(); }

Value Heap::range(int64_t start, int64_t stop, int64_t step) {
  // In 128 bits, because stop - start may not fit 64.
  const Int128 distance = static_cast<Int128>(stop) - start;
  Int128 size = 0;
  if (step > 0 && distance > 0) size = (distance + step - 1) / step;
  if (step < 0 && distance < 0) size = (distance + step + 1) / step;
  const auto count = static_cast<int64_t>(std::min<Int128>(size, INT64_MAX));
  auto* object = place<Range>(0, start, stop, step, count);
  account_->used_bytes += sizeof(Range);
  return Value(object);
}

// Trial deletion: references that come from listed objects are subtracted; what still has some is
// held from outside, and so is all it reaches. The rest is garbage.
size_t Heap::collect_cycles() {
  std::unordered_map<Object*, uint32_t> outside;
  for (Container* object = first_; object != nullptr; object = object->next_) {
    outside[object] = object->references();
  }
  for (auto& [object, count] : outside) {
    object->visit_children([&](Value& child) {
      if (!child.is_object()) return;
      if (auto found = outside.find(child.object()); found != outside.end()) --found->second;
    });
  }
  std::vector<Object*> reachable;
  for (auto& [object, count] : outside) {
    if (count > 0) reachable.push_back(object);
  }
  for (size_t i = 0; i < reachable.size(); ++i) {
    reachable[i]->visit_children([&](Value& child) {
      if (!child.is_object()) return;
      auto found = outside.find(child.object());
      if (found == outside.end() || found->second > 0) return;
      found->second = 1;
      reachable.push_back(child.object());
    });
  }
  std::vector<Value> garbage;
  for (auto& [object, count] : outside) {
    if (count == 0) garbage.emplace_back(object);
  }
  for (const Value& value : garbage) {
    value.object()->visit_children([](Value& child) { child = Value(); });
  }
  return garbage.size();
}

}  // namespace mishap::starlark
