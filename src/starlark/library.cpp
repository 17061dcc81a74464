#include "mishap/starlark/library.h"

#include <algorithm>

#include <fmt/format.h>

#include "utf8.h"

namespace mishap::starlark {

void MethodTable::add(const Value& builtin) {
  if ((count_ + 1) * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    count_ = 0;
    for (const Slot& slot : old) {
      if (slot.builtin.is_valid()) add(slot.builtin);
    }
  }
  const std::string& name = builtin.as<Builtin>().name();
  const uint64_t hash = String::hash_bytes(name);
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].builtin.is_valid() && slots_[at].builtin.as<Builtin>().name() != name) {
    at = (at + 1) & (slots_.size() - 1);
  }
  if (!slots_[at].builtin.is_valid()) ++count_;
  slots_[at] = {hash, builtin};
}

const Value* MethodTable::find(std::string_view name, uint64_t hash) const {
  if (slots_.empty()) return nullptr;
  for (size_t at = hash & (slots_.size() - 1); slots_[at].builtin.is_valid();
       at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash == hash && slots_[at].builtin.as<Builtin>().name() == name)
      return &slots_[at].builtin;
  }
  return nullptr;
}

std::vector<std::string> MethodTable::names() const {
  std::vector<std::string> names;
  for (const Slot& slot : slots_) {
    if (slot.builtin.is_valid()) names.push_back(slot.builtin.as<Builtin>().name());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void Library::function(Signature signature, NativeFunction body, QuickFunction quick) {
  std::string name = signature.name();
  universe[std::move(name)] = make_builtin(heap, std::move(signature), std::move(body), quick);
}

void Library::method(Kind kind, Signature signature, NativeFunction body, QuickFunction quick) {
  methods[static_cast<size_t>(kind)].add(
      make_builtin(heap, std::move(signature), std::move(body), quick));
}

NamespaceObject::NamespaceObject(std::string name,
                                 std::vector<std::pair<std::string, Value>> members)
    : name_(std::move(name)), members_(std::move(members)) {
  std::sort(members_.begin(), members_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
}

void NamespaceObject::append_repr(std::string& out) const {
  out += fmt::format("<module {}>", quote(name_));
}

Result<Value> NamespaceObject::attr(Thread& /*thread*/, std::string_view name) {
  const auto found = std::lower_bound(
      members_.begin(), members_.end(), name,
      [](const auto& member, std::string_view wanted) { return member.first < wanted; });
  return found != members_.end() && found->first == name ? found->second : Value();
}

std::vector<std::string> NamespaceObject::attr_names() const {
  std::vector<std::string> names;
  names.reserve(members_.size());
  for (const auto& [name, value] : members_) names.push_back(name);
  return names;
}

void NamespaceObject::visit_children(const ValueVisitor& visit) {
  for (auto& [name, value] : members_) visit(value);
}

}  // namespace mishap::starlark
