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

}  // namespace

void Object::destroy(Object* object) {
  if (destroy_depth >= kDestroyDepth) {
    destroy_later.push_back(object);
    return;
  }
  ++destroy_depth;
  delete object;
  if (destroy_depth == 1) {
    while (!destroy_later.empty()) {
      Object* next = destroy_later.back();
      destroy_later.pop_back();
      delete next;
    }
  }
  --destroy_depth;
}

Object::~Object() {
  if (account_ == nullptr) return;
  if (listed_) {
    account_->heap->detach(this);
    return;
  }
  account_->used_bytes -= charged_bytes_;
  if (--account_->leaves == 0 && account_->heap == nullptr) delete account_;
}

void Object::visit_children(const ValueVisitor& /*visit*/) {}

void Object::account(int64_t delta_bytes) {
  if (account_ == nullptr) return;
  account_->used_bytes += static_cast<uint64_t>(delta_bytes);
  charged_bytes_ += static_cast<uint64_t>(delta_bytes);
}

}  // namespace mishap::starlark
