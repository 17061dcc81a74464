// struct(a = 1): an immutable record.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/starlark/host.h"

namespace mishap::starlark {

class Heap;

/// Fields are kept, printed and walked by name order. Equal when all fields are; `+` gives the
/// fields of both, the right one's winning; usable as a key when all values are.
class Struct final : public HostObject {
 public:
  using Fields = std::vector<std::pair<std::string, Value>>;

  /// Of fields with one name the last counts.
  explicit Struct(Fields fields);

  const Fields& fields() const { return fields_; }
  /// Null when there is no such field.
  const Value* find(std::string_view name) const;

  std::string_view type_name() const override { return "struct"; }
  void append_repr(std::string& out) const override;
  Result<uint64_t> hash() const override;
  Result<bool> equals(const HostObject& other, int depth) const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
  std::string_view attr_noun() const override { return "attribute"; }
  Result<Value> binary(Thread& thread, BinaryOperator op, const Value& other,
                       bool reversed) override;
  void visit_children(const ValueVisitor& visit) override;

 private:
  Fields fields_;
};

}  // namespace mishap::starlark
