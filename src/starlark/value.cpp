#include "mishap/starlark/value.h"

#include <vector>

#include "mishap/starlark/heap.h"

namespace mishap::starlark {
namespace {

// Destroying a long chain of nested values must not use as much stack as the chain is long: below
// this depth of destructors within destructors, objects wait in a queue for the outermost one.
constexpr int kDestroyDepth = 64;
thread_local int destroy_depth = 0;
thread_local std::vector<Object*> destroy_later;
thread_local bool some_wait = false;  // a look at the queue itself costs more

void drop_one(HeapAccount& account) {
  if (--account.objects == 0 && account.heap == nullptr) delete &account;
}

void give_back(void* memory, uint8_t size_class, HeapAccount& account) {
  account.pool.release(memory, size_class);
  drop_one(account);
}

}  // namespace

// Of an object that holds no other, whose memory is not made by new.
void Object::destroy_leaf(Object* object) {
  HeapAccount& account = *object->account_;
  const uint8_t size_class = object->size_class_;
  switch (object->kind_) {
    case Kind::kBigInt: {
      auto& integer = static_cast<BigIntObject&>(*object);
      account.used_bytes -= Heap::bytes_of(integer);
      integer.~BigIntObject();
      break;
    }
    case Kind::kRange:
      account.used_bytes -= sizeof(Range);
      break;
    default:
      account.used_bytes -= Heap::bytes_of(static_cast<String&>(*object));
      break;
  }
  give_back(object, size_class, account);
}

void Object::destroy_container(Object* object) {
  HeapAccount* account = object->account_;
  if (account != nullptr && account->heap != nullptr)
    account->heap->unlist(static_cast<Container&>(*object));
  if (object->size_class_ == kMadeByNew) {
    delete object;
    if (account != nullptr) drop_one(*account);
    return;
  }
  const uint8_t size_class = object->size_class_;
  switch (object->kind_) {
    case Kind::kTuple:
      static_cast<Tuple*>(object)->~Tuple();
      break;
    case Kind::kDict:
      static_cast<Dict*>(object)->~Dict();
      break;
    default:
      object->~Object();
  }
  give_back(object, size_class, *account);
}

void Object::destroy(Object* object) {
  if (object->kind_ <= Kind::kRange) return destroy_leaf(object);
  if (destroy_depth >= kDestroyDepth) {
    destroy_later.push_back(object);
    some_wait = true;
    return;
  }
  ++destroy_depth;
  destroy_container(object);
  if (destroy_depth == 1 && some_wait) [[unlikely]] {
    while (!destroy_later.empty()) {
      Object* next = destroy_later.back();
      destroy_later.pop_back();
      destroy_container(next);
    }
    some_wait = false;
  }
  --destroy_depth;
}

void Object::visit_children(const ValueVisitor& /*visit*/) {}

}  // namespace mishap::starlark
