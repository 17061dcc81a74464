#include <algorithm>

#include "mishap/starlark/struct.h"
#include "mishap/starlark/thread.h"

#include "lib.h"

namespace mishap::starlark {

Struct::Struct(Fields fields) {
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& field : fields) {
    if (!fields_.empty() && fields_.back().first == field.first) fields_.pop_back();
    fields_.push_back(std::move(field));
  }
}

const Value* Struct::find(std::string_view name) const {
  const auto at = std::lower_bound(
      fields_.begin(), fields_.end(), name,
      [](const auto& field, std::string_view wanted) { return field.first < wanted; });
  return at != fields_.end() && at->first == name ? &at->second : nullptr;
}

void Struct::append_repr(std::string& out) const {
  out += "struct(";
  bool first = true;
  for (const auto& [name, value] : fields_) {
    if (!first) out += ", ";
    first = false;
    out.append(name).append(" = ");
    starlark::append_repr(out, value);
  }
  out += ')';
}

Result<uint64_t> Struct::hash() const {
  uint64_t result = 0x2545f4914f6cdd1dULL;
  for (const auto& [name, value] : fields_) {
    MISHAP_ASSIGN(const uint64_t part, starlark::hash(value));
    result = result * 31 + String::hash_bytes(name);
    result = result * 31 + part;
  }
  return result;
}

Result<bool> Struct::equals(const HostObject& other, int depth) const {
  const auto* that = dynamic_cast<const Struct*>(&other);
  if (that == nullptr || that->fields_.size() != fields_.size()) return false;
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (fields_[i].first != that->fields_[i].first) return false;
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    MISHAP_ASSIGN(const bool same,
                  starlark::equals(fields_[i].second, that->fields_[i].second, depth));
    if (!same) return false;
  }
  return true;
}

Result<Value> Struct::attr(Thread&, std::string_view name) {
  const Value* value = find(name);
  return value == nullptr ? Value() : *value;
}

std::vector<std::string> Struct::attr_names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : fields_) names.push_back(name);
  return names;
}

Result<Value> Struct::binary(Thread& thread, BinaryOperator op, const Value& other, bool reversed) {
  const auto* that = host_cast<Struct>(other);
  if (op != BinaryOperator::kAdd || that == nullptr || reversed) return Value();
  Fields both = fields_;
  both.insert(both.end(), that->fields_.begin(), that->fields_.end());
  return thread.heap().make<Struct>(std::move(both));
}

void Struct::visit_children(const ValueVisitor& visit) {
  for (auto& [name, value] : fields_) visit(value);
}

Value make_struct_function(Heap& heap) {
  return make_builtin(heap, Signature("struct").kwargs(), [](CallContext& call) -> Result<Value> {
    Struct::Fields fields;
    for (const KeywordArg& keyword : call.kwargs()) {
      fields.emplace_back(keyword.name.text(), keyword.value);
    }
    return call.heap().make<Struct>(std::move(fields));
  });
}

}  // namespace mishap::starlark
