// Type names, truth, equality, order and hashing.
#include <cmath>

#include <fmt/format.h>

#include "mishap/starlark/callable.h"
#include "mishap/starlark/operations.h"

#include "bounds.h"
#include "wide.h"

namespace mishap::starlark {
namespace {

constexpr const char* kTooDeep = "comparison exceeded maximum recursion depth";

// Before looking into a container of so many items.
Result<void> may_look_into(size_t items, int depth, const char* too_deep) {
  if (depth <= 0 || stack_left() == 0) return fail(too_deep);
  return count_work(items + 1);
}

Result<bool> items_equal(std::span<const Value> a, std::span<const Value> b, int depth) {
  if (a.size() != b.size()) return false;
  MISHAP_TRY(may_look_into(a.size(), depth, kTooDeep));
  for (size_t i = 0; i < a.size(); ++i) {
    MISHAP_ASSIGN(const bool same, equals(a[i], b[i], depth - 1));
    if (!same) return false;
  }
  return true;
}

Result<bool> dicts_equal(const Dict& a, const Dict& b, int depth) {
  if (a.size() != b.size()) return false;
  MISHAP_TRY(may_look_into(a.size(), depth, kTooDeep));
  for (const Table::Entry& entry : a.table().entries()) {
    if (!entry.key.is_valid()) continue;
    const Table::Entry* other = b.table().find(entry.key, entry.hash);
    if (other == nullptr) return false;
    MISHAP_ASSIGN(const bool same, equals(entry.value, other->value, depth - 1));
    if (!same) return false;
  }
  return true;
}

bool is_subset(const Set& a, const Set& b) {
  if (a.size() > b.size()) return false;
  for (const Table::Entry& entry : a.table().entries()) {
    if (entry.key.is_valid() && b.table().find(entry.key, entry.hash) == nullptr) return false;
  }
  return true;
}

bool ranges_equal(const Range& a, const Range& b) {
  if (a.size != b.size) return false;
  if (a.size == 0) return true;
  return a.start == b.start && (a.size == 1 || a.step == b.step);
}

int sign_of(auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; }

// NaN is above every number and equal to itself in this order.
int compare_doubles(double a, double b) {
  const bool a_nan = std::isnan(a);
  const bool b_nan = std::isnan(b);
  if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
  return sign_of(a, b);
}

int compare_numbers(const Value& a, const Value& b) {
  if (a.is_float()) {
    if (b.is_float()) return compare_doubles(a.as_double(), b.as_double());
    return -compare_numbers(b, a);
  }
  if (b.is_float()) {
    return a.is_int64() ? compare_int_double(a.as_int64(), b.as_double())
                        : BigInt::compare(a.as<BigIntObject>().number, b.as_double());
  }
  if (a.is_int64() && b.is_int64()) return sign_of(a.as_int64(), b.as_int64());
  return BigInt::compare(to_big(a), to_big(b));
}

bool is_number(const Value& value) { return value.is_int() || value.is_float(); }

Result<int> compare_items(std::span<const Value> a, std::span<const Value> b, std::string_view op,
                          int depth) {
  MISHAP_TRY(may_look_into(std::min(a.size(), b.size()), depth, kTooDeep));
  const size_t common = std::min(a.size(), b.size());
  for (size_t i = 0; i < common; ++i) {
    MISHAP_ASSIGN(const bool same, equals(a[i], b[i], depth - 1));
    if (!same) return compare(a[i], b[i], op, depth - 1);
  }
  return sign_of(a.size(), b.size());
}

// Subset is a partial order: -1 and 1 only when one holds the other, else what makes the operator
// false.
Result<int> compare_sets(const Set& a, const Set& b, std::string_view op) {
  const bool below = is_subset(a, b);
  const bool above = is_subset(b, a);
  if (below && above) return 0;
  if (below) return -1;
  if (above) return 1;
  return op.starts_with('<') ? 1 : -1;
}

uint64_t mix(uint64_t state, uint64_t next) {
  const auto product = static_cast<Uint128>(state ^ next) * 0x9E3779B97F4A7C15;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64) ^ 0x51ED270B;
}

constexpr const char* kTooDeepToHash = "hash exceeded maximum recursion depth";

// How deep hash() may look; less within a host object that asks for the hash of what it holds.
thread_local int hash_depth = kCompareDepth;

class HashDepth {
 public:
  explicit HashDepth(int depth) : outer_(std::exchange(hash_depth, depth)) {}
  ~HashDepth() { hash_depth = outer_; }
  HashDepth(const HashDepth&) = delete;
  HashDepth& operator=(const HashDepth&) = delete;

 private:
  int outer_;
};

Result<uint64_t> hash_at(const Value& value, int depth) {
  switch (value.kind()) {
    case Kind::kNone:
      return 0x6A09E667;
    case Kind::kBool:
      return value.as_bool() ? 0xBB67AE85 : 0x3C6EF372;
    case Kind::kInt:
      return hash_int64(value.as_int64());
    case Kind::kBigInt:
      return value.as<BigIntObject>().number.hash();
    case Kind::kFloat:
      return hash_double(value.as_double());
    case Kind::kString:
      return value.as<String>().hash();
    case Kind::kBytes:
      return value.as<String>().hash() ^ 0xA54FF53A;
    case Kind::kFunction:
      return reinterpret_cast<uintptr_t>(value.object()) >> 4;
    case Kind::kBuiltin: {
      const auto& builtin = value.as<Builtin>();
      const auto* identity = builtin.receiver().is_valid()
                                 ? static_cast<const void*>(builtin.definition().get())
                                 : static_cast<const void*>(&builtin);
      return mix(reinterpret_cast<uintptr_t>(identity),
                 static_cast<uint64_t>(builtin.receiver().as_int64()));
    }
    case Kind::kHost: {
      MISHAP_TRY(may_look_into(1, depth, kTooDeepToHash));
      const HashDepth inside(depth - 1);
      return value.as<HostObject>().hash();
    }
    case Kind::kTuple: {
      MISHAP_TRY(may_look_into(value.as<Tuple>().size(), depth, kTooDeepToHash));
      uint64_t state = 0x510E527F;
      for (const Value& item : value.as<Tuple>().items()) {
        MISHAP_ASSIGN(const uint64_t item_hash, hash_at(item, depth - 1));
        state = mix(state, item_hash);
      }
      return state;
    }
    default:
      return unhashable(value);
  }
}

}  // namespace

std::string_view type_name(const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid:
      return "unbound";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
    case Kind::kBigInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kRange:
      return "range";
    case Kind::kTuple:
      return "tuple";
    case Kind::kList:
      return "list";
    case Kind::kDict:
      return "dict";
    case Kind::kSet:
      return "set";
    case Kind::kFunction:
      return "function";
    case Kind::kBuiltin:
      return "builtin_function_or_method";
    case Kind::kHost:
      return value.as<HostObject>().type_name();
    case Kind::kCell:
      return "cell";
  }
  return "";
}

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kInvalid:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int64() != 0;
    case Kind::kFloat:
      return value.as_double() != 0;
    case Kind::kString:
    case Kind::kBytes:
      return !value.text().empty();
    case Kind::kRange:
      return value.as<Range>().size > 0;
    case Kind::kTuple:
      return value.as<Tuple>().size() > 0;
    case Kind::kList:
      return value.as<List>().size() > 0;
    case Kind::kDict:
    case Kind::kSet:
      return value.as<TableObject>().size() > 0;
    case Kind::kHost:
      return value.as<HostObject>().truth();
    default:
      return true;
  }
}

Result<bool> equals(const Value& a, const Value& b, int depth) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  // Lists and dicts that contain themselves are compared to the depth limit, like any others.
  if (a.identical(b) && !a.is_list() && !a.is_dict()) return true;
  switch (a.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      return a.text() == b.text();
    case Kind::kRange:
      return ranges_equal(a.as<Range>(), b.as<Range>());
    case Kind::kTuple:
      return items_equal(a.as<Tuple>().items(), b.as<Tuple>().items(), depth);
    case Kind::kList:
      return items_equal(a.as<List>().items(), b.as<List>().items(), depth);
    case Kind::kDict:
      return dicts_equal(a.as<Dict>(), b.as<Dict>(), depth);
    case Kind::kSet:
      return a.as<Set>().size() == b.as<Set>().size() && is_subset(a.as<Set>(), b.as<Set>());
    case Kind::kBuiltin: {
      // A method bound twice to the same value is the same method.
      const auto& first = a.as<Builtin>();
      const auto& second = b.as<Builtin>();
      return first.definition() == second.definition() && first.receiver().is_valid() &&
             first.receiver().identical(second.receiver());
    }
    case Kind::kHost:
      MISHAP_TRY(may_look_into(1, depth, kTooDeep));
      return a.as<HostObject>().equals(b.as<HostObject>(), depth - 1);
    default:
      return false;
  }
}

bool keys_equal(const Value& a, const Value& b) {
  if (a.is_string() && b.is_string()) return a.text() == b.text();
  const Result<bool> same = equals(a, b);
  return same && *same;
}

Result<int> compare(const Value& a, const Value& b, std::string_view op, int depth) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (a.kind() == b.kind()) {
    switch (a.kind()) {
      case Kind::kBool:
        return sign_of(a.as_int64(), b.as_int64());
      case Kind::kString:
      case Kind::kBytes:
        return sign_of(a.text().compare(b.text()), 0);
      case Kind::kTuple:
        return compare_items(a.as<Tuple>().items(), b.as<Tuple>().items(), op, depth);
      case Kind::kList:
        return compare_items(a.as<List>().items(), b.as<List>().items(), op, depth);
      case Kind::kSet:
        return compare_sets(a.as<Set>(), b.as<Set>(), op);
      case Kind::kHost: {
        MISHAP_TRY(may_look_into(1, depth, kTooDeep));
        MISHAP_ASSIGN(const auto order, a.as<HostObject>().order(b.as<HostObject>(), depth - 1));
        if (order) return *order;
        break;
      }
      default:
        break;
    }
  }
  return fail(fmt::format("{} {} {} not implemented", type_name(a), op, type_name(b)));
}

tl::unexpected<Error> unhashable(const Value& value) {
  if (value.kind() == Kind::kRange) return fail("unhashable: range");
  return fail(fmt::format("unhashable type: {}", type_name(value)));
}

Result<uint64_t> hash(const Value& value) { return hash_at(value, hash_depth); }

}  // namespace mishap::starlark
