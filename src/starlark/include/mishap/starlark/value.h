// A Starlark value: sixteen bytes, either an immediate (None, bool, int of 64 bits, float) or a
// counted reference to an Object.
//
// Counts are not atomic: the embedder sees to it that one thread at a time touches the values of an
// interpreter. A value of kind kInvalid is no Starlark value; it marks "nothing here" (an unbound
// variable, an argument not given, no such attribute).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "mishap/starlark/pool.h"

namespace mishap::starlark {

class Heap;

/// What a Value holds. Everything from kBigInt on is an Object. kInt and kBigInt are the one type
/// "int"; a BigInt object never holds a number that fits 64 bits.
enum class Kind : uint8_t {
  kInvalid,
  kNone,
  kBool,
  kInt,
  kFloat,
  kBigInt,
  kString,
  kBytes,
  kRange,
  kTuple,
  kList,
  kDict,
  kSet,
  kFunction,
  kBuiltin,
  kHost,
  kCell,  ///< internal: a variable shared with a closure
};
inline constexpr size_t kKindCount = static_cast<size_t>(Kind::kCell) + 1;

/// What a heap shares with its objects. The last one to go frees it, for objects may outlive their
/// heap.
struct HeapAccount {
  Heap* heap = nullptr;  ///< null once it is gone
  uint64_t used_bytes = 0;
  uint64_t objects = 0;
  Pool pool;
};

class Value;
using ValueVisitor = std::function<void(Value&)>;

/// Base of everything counted. Made by a Heap, destroyed when the last Value lets go of it.
class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  Kind kind() const { return kind_; }
  bool frozen() const { return frozen_; }
  /// Where it was made; null once that heap is gone.
  Heap* heap() const { return account_ == nullptr ? nullptr : account_->heap; }

  void retain() { ++references_; }
  void release() {
    if (--references_ == 0) destroy(this);
  }
  uint32_t references() const { return references_; }

  /// Calls `visit` with every Value held, by reference. Used to freeze and to break cycles (the
  /// visitor may reset values). Objects that hold no values need not override.
  virtual void visit_children(const ValueVisitor& visit);

 protected:
  explicit Object(Kind kind) : kind_(kind) {}

 private:
  friend class Heap;
  friend class Container;
  friend void freeze(const Value& value);
  static void destroy(Object* object);
  static void destroy_leaf(Object* object);
  static void destroy_container(Object* object);

  // Beyond the classes of a Pool: made by new, as host objects are.
  static constexpr uint8_t kMadeByNew = 0xFF;

  uint32_t references_ = 0;
  Kind kind_;
  bool frozen_ = false;
  uint8_t size_class_ = kMadeByNew;
  HeapAccount* account_ = nullptr;
};

/// An object that may hold others. The heap has a list of them: when it goes first, they are
/// emptied, which frees cycles; what is still referred to from outside stays a valid, empty object.
class Container : public Object {
 protected:
  using Object::Object;
  /// Tells the heap that this object's memory grew or shrank.
  void account(int64_t delta_bytes) {
    if (account_ == nullptr) return;
    account_->used_bytes += static_cast<uint64_t>(delta_bytes);
    charged_bytes_ += static_cast<uint64_t>(delta_bytes);
  }
  /// Of an object that a heap made.
  Pool& pool() const { return account_->pool; }

 private:
  friend class Heap;
  friend class Object;
  Container* previous_ = nullptr;
  Container* next_ = nullptr;
  uint64_t charged_bytes_ = 0;
};

class Value {
 public:
  Value() noexcept : kind_(Kind::kInvalid) { data_.integer = 0; }
  /// Takes a counted reference; `object` must not be null.
  explicit Value(Object* object) noexcept : kind_(object->kind()) {
    data_.object = object;
    object->retain();
  }
  Value(const Value& other) noexcept : data_(other.data_), kind_(other.kind_) {
    if (is_object()) data_.object->retain();
  }
  Value(Value&& other) noexcept : data_(other.data_), kind_(other.kind_) {
    other.kind_ = Kind::kInvalid;
  }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Value() {
    if (is_object()) data_.object->release();
  }
  void swap(Value& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(kind_, other.kind_);
  }

  static Value none() noexcept { return Value(Kind::kNone, 0); }
  static Value boolean(bool value) noexcept { return Value(Kind::kBool, value ? 1 : 0); }
  static Value integer(int64_t value) noexcept { return Value(Kind::kInt, value); }
  static Value real(double value) noexcept {
    Value result(Kind::kFloat, 0);
    result.data_.real = value;
    return result;
  }

  Kind kind() const { return kind_; }
  bool is_valid() const { return kind_ != Kind::kInvalid; }
  bool is_object() const { return kind_ >= Kind::kBigInt; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  /// An integer of any size; small ones only: is_int64.
  bool is_int() const { return kind_ == Kind::kInt || kind_ == Kind::kBigInt; }
  bool is_int64() const { return kind_ == Kind::kInt; }
  bool is_float() const { return kind_ == Kind::kFloat; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_bytes() const { return kind_ == Kind::kBytes; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_tuple() const { return kind_ == Kind::kTuple; }
  bool is_dict() const { return kind_ == Kind::kDict; }
  bool is_set() const { return kind_ == Kind::kSet; }
  bool is_host() const { return kind_ == Kind::kHost; }

  // The accessors below expect the matching kind.
  bool as_bool() const { return data_.integer != 0; }
  int64_t as_int64() const { return data_.integer; }
  double as_double() const { return data_.real; }
  Object* object() const { return data_.object; }
  /// The object as its class: as<List>() when is_list(), and so on.
  template <class T>
  T& as() const {
    return static_cast<T&>(*data_.object);
  }
  /// The bytes of a string or bytes value; live as long as the object.
  std::string_view text() const;

  /// Same immediate of the same kind, or the same object. Not Starlark equality.
  bool identical(const Value& other) const {
    return kind_ == other.kind_ && (data_.integer == other.data_.integer || kind_ == Kind::kNone);
  }

 private:
  Value(Kind kind, int64_t integer) noexcept : kind_(kind) { data_.integer = integer; }

  union Data {
    int64_t integer;
    double real;
    Object* object;
  };
  Data data_;
  Kind kind_;
};
static_assert(sizeof(Value) == 16);

}  // namespace mishap::starlark
