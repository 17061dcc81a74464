// Values whose behaviour the embedder writes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

class Thread;
class CallArgs;

enum class BinaryOperator : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kBitAnd,
  kBitOr,
  kBitXor,
  kShiftLeft,
  kShiftRight,
};
enum class UnaryOperator : uint8_t { kMinus, kPlus, kInvert };
std::string_view spelling(BinaryOperator op);

/// Yields values until `next` gives an invalid one. Must keep alive what it reads from.
class HostIterator {
 public:
  virtual ~HostIterator() = default;
  virtual Result<Value> next(Thread& thread) = 0;
};

/// A value with behaviour of its own: override what it can do, all the rest gives the errors a
/// script expects. Make with `heap.make<T>(…)`. Every Value held must be shown by visit_children,
/// or frozen data can be changed and cycles leak.
class HostObject : public Container {
 public:
  /// What type() gives, such as "service". Must outlive the object.
  virtual std::string_view type_name() const = 0;
  /// Default: "<type_name>". Use starlark::append_repr for values inside.
  virtual void append_repr(std::string& out) const;
  /// What str() and print give; default: as append_repr.
  virtual void append_str(std::string& out) const { append_repr(out); }
  virtual bool truth() const { return true; }
  /// Default: hashes by identity and equals only itself. Fail with unhashable(…) to forbid use as a
  /// key.
  virtual Result<uint64_t> hash() const { return reinterpret_cast<uintptr_t>(this) >> 4; }
  /// `depth` is for starlark::equals on values inside.
  virtual Result<bool> equals(const HostObject& other, int depth) const;
  /// Negative, 0, positive; nullopt when there is no order between the two.
  virtual Result<std::optional<int>> order(const HostObject& other, int depth) const;

  /// x.name; an invalid Value when there is no such attribute.
  virtual Result<Value> attr(Thread& thread, std::string_view name);
  /// What x.name gives when attr() has nothing; invalid: an error. hasattr and getattr do not ask,
  /// so they tell the truth.
  virtual Value attr_fallback(Thread&, std::string_view) { return {}; }
  virtual std::vector<std::string> attr_names() const { return {}; }
  /// What messages call its attributes: "struct has no .x attribute".
  virtual std::string_view attr_noun() const { return "field or method"; }
  /// x.name = value. Default: "can't assign to .NAME field of TYPE".
  virtual Result<void> set_attr(Thread& thread, std::string_view name, const Value& value);

  virtual bool callable() const { return false; }
  virtual Result<Value> call(Thread& thread, const CallArgs& args);

  /// len(x); nullopt: has none. A type with index_at and a length is a sequence: x[-1] is passed on
  /// as x[len-1].
  virtual std::optional<int64_t> length() const { return std::nullopt; }
  /// x[key]; invalid: not indexable. Also `getattr`-free mappings.
  virtual Result<Value> index(Thread& thread, const Value& key);
  virtual Result<void> set_index(Thread& thread, const Value& key, const Value& value);
  virtual bool iterable() const { return false; }
  /// Only called when iterable().
  virtual std::unique_ptr<HostIterator> iterate(Thread& thread);
  /// item in x; nullopt: not supported.
  virtual Result<std::optional<bool>> contains(Thread& thread, const Value& item);

  /// x op other, or other op x when `reversed`; invalid: not supported.
  virtual Result<Value> binary(Thread& thread, BinaryOperator op, const Value& other,
                               bool reversed);
  virtual Result<Value> unary(Thread& thread, UnaryOperator op);

 protected:
  HostObject() : Container(Kind::kHost) {}
};

/// The host object in `value` as a T, or null when it is something else.
template <class T>
T* host_cast(const Value& value) {
  return value.is_host() ? dynamic_cast<T*>(static_cast<HostObject*>(value.object())) : nullptr;
}

}  // namespace mishap::starlark
