// What every value can do: type, truth, equality, order, hash, text, iteration, operators,
// indexing, attributes.
//
// Errors are the bare messages a script sees ("unhashable type: list"); the interpreter adds
// position and call stack.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/starlark/heap.h"
#include "mishap/starlark/host.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

/// "NoneType", "bool", "int", "float", "string", "bytes", "list", "tuple", "dict", "set", "range",
/// "function", "builtin_function_or_method", or the host object's own.
std::string_view type_name(const Value& value);
bool truth(const Value& value);

/// How deep equality, order and hashing look into nested values before they give up with an error.
inline constexpr int kCompareDepth = 200;
/// Starlark ==. Error when nested too deep (a cyclic value).
Result<bool> equals(const Value& a, const Value& b, int depth = kCompareDepth);
/// Negative, 0 or positive; NaN is above every number. Error: "int < string not implemented" with
/// the operator `op` ("<").
Result<int> compare(const Value& a, const Value& b, std::string_view op = "<",
                    int depth = kCompareDepth);
/// For tables; equal values hash alike. Error "unhashable type: list". Not what the function hash()
/// gives.
Result<uint64_t> hash(const Value& value);
/// The same for what needs no look inside and never fails; nullopt for all else.
inline std::optional<uint64_t> quick_hash(const Value& value) {
  if (value.is_string()) return value.as<String>().hash();
  if (value.is_int64()) return hash_int64(value.as_int64());
  return std::nullopt;
}
/// The error of hash().
tl::unexpected<Error> unhashable(const Value& value);
/// Starlark == for values known to be hashable.
bool keys_equal(const Value& a, const Value& b);

/// repr(x): strings quoted; values inside themselves print as "[...]", "{...}".
std::string repr(const Value& value);
void append_repr(std::string& out, const Value& value);
/// str(x): a string as it is, else as repr.
std::string str(const Value& value);
void append_str(std::string& out, const Value& value);
/// Makes the value and everything it holds unchangeable, for ever.
void freeze(const Value& value);

/// Walks an iterable; containers cannot be changed while it exists.
///   MISHAP_ASSIGN(auto items, Iteration::start(thread, value));
///   while (true) { MISHAP_ASSIGN(Value item, items.next()); if (!item.is_valid()) break; … }
class Iteration {
 public:
  /// Error: "int value is not iterable".
  static Result<Iteration> start(Thread& thread, const Value& iterable);
  Iteration(Iteration&& other) noexcept;
  Iteration& operator=(Iteration&& other) noexcept;
  ~Iteration();
  /// The next item; invalid at the end.
  Result<Value> next();

 private:
  friend class Vm;
  Iteration() = default;
  void finish();
  /// For built-in types, which cannot fail; false at the end.
  bool step(Value& out);
  /// The same when it is known to walk a range.
  bool step_range(Value& out) {
    if (left_ == 0) return false;
    --left_;
    out = Value::integer(static_cast<int64_t>(next_));
    next_ += step_;
    return true;
  }

  Thread* thread_ = nullptr;
  Value source_;
  size_t position_ = 0;
  // Of a range: unsigned, for the number after the last one need not fit.
  uint64_t left_ = 0;
  uint64_t next_ = 0;
  uint64_t step_ = 0;
  std::unique_ptr<HostIterator> host_;
};

bool is_iterable(const Value& value);
bool is_callable(const Value& value);
/// Every item, at most as many as memory allows.
Result<std::vector<Value>> to_vector(Thread& thread, const Value& iterable);
/// len(x); nullopt when it has none.
std::optional<int64_t> length(const Value& value);

Result<Value> binary(Thread& thread, BinaryOperator op, const Value& a, const Value& b);
Result<Value> unary(Thread& thread, UnaryOperator op, const Value& value);
/// item in container.
Result<bool> contains(Thread& thread, const Value& container, const Value& item);
Result<Value> index(Thread& thread, const Value& container, const Value& key);
Result<void> set_index(Thread& thread, const Value& container, const Value& key,
                       const Value& value);
/// x[low:high:step]; a bound not given is None.
Result<Value> slice(Thread& thread, const Value& container, const Value& low, const Value& high,
                    const Value& step);
/// Bounds of a slice with that step over `length` items, as the language clamps them. Error for a
/// zero step or a non-int.
struct SliceBounds {
  int64_t start, stop, step, count;
};
Result<SliceBounds> slice_bounds(int64_t length, const Value& low, const Value& high,
                                 const Value& step);

/// x.name; invalid when there is none. Methods of built-in types come bound.
Result<Value> find_attr(Thread& thread, const Value& object, std::string_view name);
/// Like find_attr, but with the error "list has no .nmae field or method (did you mean .name?)".
Result<Value> attr(Thread& thread, const Value& object, std::string_view name);
Result<void> set_attr(Thread& thread, const Value& object, std::string_view name,
                      const Value& value);
std::vector<std::string> attr_names(Thread& thread, const Value& object);  ///< sorted

/// An int as int64, or "want …" errors: "got string, want int", "N out of range …".
Result<int64_t> to_int64(const Value& value);
/// Any int as a BigInt.
BigInt to_big(const Value& integer);
/// int or float as double; int beyond double range: error "int too large to convert to float".
Result<double> to_double(const Value& number);

/// No repeat ("x" * n) or shift makes more elements or bits than these.
inline constexpr int64_t kMaxRepeat = int64_t{1} << 30;
inline constexpr int64_t kMaxShift = 512;
/// No int has more, give or take a few; it is two and a half million decimal digits.
inline constexpr size_t kMaxIntegerBits = size_t{1} << 23;

}  // namespace mishap::starlark
