// Functions written in C++: a declared signature, arguments bound and checked by it, and a body
// that sees them by index.
//
//   Value repeat = make_builtin(heap,
//       Signature("repeat").required("text", types::kString).optional("n", types::kInt),
//       [](CallContext& call) -> Result<Value> {
//         const int64_t count = call.has(1) ? call.integer(1) : 2;
//         if (count < 0) return call.error("n must not be negative");
//         ...
//         return call.heap().string(text);
//       });
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/result.h"
#include "mishap/starlark/heap.h"
#include "mishap/starlark/host.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

class Thread;

/// Types a parameter takes: `types::kString | types::kNone`, or host types by name:
/// `types::host("service")`.
class TypeSet {
 public:
  constexpr TypeSet() = default;
  constexpr explicit TypeSet(uint32_t bits) : bits_(bits) {}
  explicit TypeSet(std::vector<std::string> host_names) : host_names_(std::move(host_names)) {}
  TypeSet operator|(const TypeSet& other) const;
  /// The same types under words of their own in messages: `string such as "500ms"`.
  TypeSet described(std::string words) const;

  bool accepts(const Value& value) const {
    return (bits_ >> static_cast<unsigned>(value.kind()) & 1) != 0 || accepts_slowly(value);
  }
  /// "string or None".
  std::string text() const;
  bool accepts_callables() const;
  bool accepts_lists() const;

 private:
  bool accepts_slowly(const Value& value) const;

  uint32_t bits_ = 0;
  std::vector<std::string> host_names_;
  std::string words_;  // instead of the names of the types without None
};

namespace types {
constexpr uint32_t bit(Kind kind) { return 1U << static_cast<unsigned>(kind); }
inline constexpr uint32_t kCallableBit =
    1U << 30;  // functions, builtins, host objects that can be called
inline constexpr uint32_t kIterableBit = 1U << 29;
inline const TypeSet kAny{(1U << kKindCount) - 1};
inline const TypeSet kNone{bit(Kind::kNone)};
inline const TypeSet kBool{bit(Kind::kBool)};
inline const TypeSet kInt{bit(Kind::kInt) | bit(Kind::kBigInt)};
inline const TypeSet kFloat{bit(Kind::kFloat)};
inline const TypeSet kNumber{bit(Kind::kInt) | bit(Kind::kBigInt) | bit(Kind::kFloat)};
inline const TypeSet kString{bit(Kind::kString)};
inline const TypeSet kBytes{bit(Kind::kBytes)};
inline const TypeSet kList{bit(Kind::kList)};
inline const TypeSet kTuple{bit(Kind::kTuple)};
inline const TypeSet kDict{bit(Kind::kDict)};
inline const TypeSet kSet{bit(Kind::kSet)};
inline const TypeSet kRange{bit(Kind::kRange)};
inline const TypeSet kFunction{bit(Kind::kFunction)};  ///< def and lambda only
inline const TypeSet kCallable{kCallableBit};
inline const TypeSet kIterable{kIterableBit};
inline TypeSet host(std::string name) { return TypeSet(std::vector<std::string>{std::move(name)}); }
}  // namespace types

/// A keyword argument: name (a string value) and value.
struct KeywordArg {
  Value name;
  Value value;
};

/// The arguments of a call as they were written, unbound.
class CallArgs {
 public:
  CallArgs() = default;
  CallArgs(std::span<const Value> positional,
           std::span<const KeywordArg> keywords = {})  // NOLINT: plain lists convert
      : positional(positional), keywords(keywords) {}
  std::span<const Value> positional;
  std::span<const KeywordArg> keywords;
};

/// The end of a message about a value of a wrong type, where it is plain what was meant: "; call
/// it: ready()", "; write its name without ()", "; write a list: […]". "" elsewhere.
std::string type_remedy(const Value& value, const TypeSet& wanted);

/// The name and parameters of a native function. Parameters are bound by position or by name, in
/// the order declared.
class Signature {
 public:
  struct Param {
    std::string name;
    TypeSet types;
    bool required = false;
    bool positional_only = false;
    bool keyword_only = false;
    bool none_is_absent = false;
  };

  explicit Signature(std::string name) : name_(std::move(name)) {}
  Signature required(std::string name, TypeSet types = types::kAny) &&;
  /// Not given: CallContext::has(i) is false.
  Signature optional(std::string name, TypeSet types = types::kAny) &&;
  /// Like optional, and None counts as not given.
  Signature nullable(std::string name, const TypeSet& types = types::kAny) &&;
  Signature positional_only() &&;  ///< `/`: for the parameters so far
  /// As positional_only, and messages count the arguments instead of naming them: "for parameter
  /// 1: got int, want string", "got 0 arguments, want at least 1". What the standard library does.
  Signature numbered() &&;
  /// As numbered, in the words that the reference implementation has for a few of its functions:
  /// "f does not accept keyword arguments" and, when `exactly`, "f: got 2 arguments, want exactly
  /// 1".
  Signature plain(bool exactly = false) &&;
  Signature keyword_only() &&;  ///< `*`: for the parameters after
  Signature varargs(TypeSet types = types::kAny) &&;
  Signature kwargs(TypeSet types = types::kAny) &&;

  const std::string& name() const { return name_; }
  const std::vector<Param>& params() const { return params_; }
  bool takes_kwargs() const { return has_kwargs_; }
  bool takes_varargs() const { return has_varargs_; }
  bool is_numbered() const { return numbered_; }
  bool is_plain() const { return plain_; }
  /// "want exactly 1" in messages about the number of arguments.
  bool says_exactly() const { return exactly_; }

 private:
  friend class BoundArguments;
  std::string name_;
  std::vector<Param> params_;
  size_t positional_count_ = 0;  // how many can be given by position
  bool keyword_only_ = false;
  bool has_varargs_ = false;
  bool has_kwargs_ = false;
  bool numbered_ = false;
  bool plain_ = false;
  bool exactly_ = false;
  TypeSet varargs_types_;
  TypeSet kwargs_types_;
};

/// Binds the arguments of one call to a signature. For host objects with a call() of their own;
/// builtins do it by themselves.
class BoundArguments {
 public:
  BoundArguments() = default;
  BoundArguments(const BoundArguments&) = delete;
  BoundArguments& operator=(const BoundArguments&) = delete;
  /// Errors: "f: missing argument for x", "f: got 3 arguments, want at most 2", `f: unexpected
  /// keyword argument "nmae"; did you mean "name"?`, "f: got multiple values for parameter x", "f:
  /// for parameter x: got int, want string". The arguments must outlive the binding.
  Result<void> bind(const Signature& signature, const CallArgs& args);

  const Value& operator[](size_t index) const { return values_[index]; }
  std::span<const Value> varargs() const { return varargs_; }
  std::span<const KeywordArg> kwargs() const { return kwargs_; }

 private:
  Result<void> bind_keywords(const Signature& signature, std::span<const KeywordArg> keywords);
  Result<void> bind_absent(const Signature& signature);

  static constexpr size_t kInline = 6;
  const Value* values_ = nullptr;  // the caller's own array when it fits as it is
  Value* own_ = nullptr;
  Value inline_[kInline];
  std::vector<Value> spilled_;
  std::span<const Value> varargs_;
  std::span<const KeywordArg> kwargs_;
  std::vector<KeywordArg> unknown_;
};

/// What a native function sees of its call. Valid during the call only.
class CallContext {
 public:
  CallContext(Thread& thread, const Signature& signature, const Value& receiver,
              const BoundArguments& binding)
      : thread_(thread), signature_(signature), receiver_(receiver), binding_(binding) {}

  Thread& thread() const { return thread_; }
  Heap& heap() const;
  /// x of x.method(…); invalid for plain functions.
  const Value& receiver() const { return receiver_; }
  std::string_view name() const { return signature_.name(); }

  /// The argument of the i-th declared parameter; invalid when it was not given.
  const Value& operator[](size_t index) const { return binding_[index]; }
  bool has(size_t index) const { return binding_[index].is_valid(); }
  std::span<const Value> varargs() const { return binding_.varargs(); }
  std::span<const KeywordArg> kwargs() const { return binding_.kwargs(); }

  // Typed access; the signature must have asked for that type.
  std::string_view text(size_t index) const { return binding_[index].text(); }
  bool boolean(size_t index) const { return binding_[index].as_bool(); }
  /// A big integer saturates; use to_int64 for an error instead.
  int64_t integer(size_t index) const;
  /// "f: for parameter x: got N, want value in signed 64-bit range"
  Result<int64_t> to_int64(size_t index) const;
  /// int or float.
  double number(size_t index) const;
  template <class T>
  T& object(size_t index) const {
    return binding_[index].as<T>();
  }
  template <class T>
  T& self() const {
    return receiver_.as<T>();
  }

  /// "NAME: message" as an error.
  tl::unexpected<Error> error(std::string_view message) const;

 private:
  Thread& thread_;
  const Signature& signature_;
  const Value& receiver_;
  const BoundArguments& binding_;
};

using NativeFunction = std::function<Result<Value>(CallContext&)>;
/// A short cut for the usual calls of a native function: by position, with arguments of the usual
/// types, without an error. False: nothing was done, and the function itself is to be called.
using QuickFunction = bool (*)(Heap& heap, const Value& receiver, std::span<const Value> args,
                               Value& result);

/// A native function value, or one bound to a receiver (a method). Type
/// "builtin_function_or_method".
class Builtin final : public Container {
 public:
  struct Definition {
    Signature signature;
    NativeFunction body;
    QuickFunction quick = nullptr;
  };
  // The definition is shared by a method and every value bound from it.
  Builtin(std::shared_ptr<const Definition> definition, Value receiver)
      : Container(Kind::kBuiltin),
        definition_(std::move(definition)),
        quick_(definition_->quick),
        receiver_(std::move(receiver)) {}

  const std::string& name() const { return definition_->signature.name(); }
  QuickFunction quick() const { return quick_; }
  const Signature& signature() const { return definition_->signature; }
  const Value& receiver() const { return receiver_; }
  const std::shared_ptr<const Definition>& definition() const { return definition_; }
  /// Calls the body. Goes around the thread's call stack; use Thread::call.
  Result<Value> invoke(Thread& thread, const Value& receiver, const CallArgs& args) const;
  void visit_children(const ValueVisitor& visit) override { visit(receiver_); }

 private:
  std::shared_ptr<const Definition> definition_;
  QuickFunction quick_;
  Value receiver_;
};

Value make_builtin(Heap& heap, Signature signature, NativeFunction body,
                   QuickFunction quick = nullptr);
/// `method` (a builtin) bound to `receiver`: what x.method gives.
Value bind_method(Heap& heap, const Value& method, Value receiver);

}  // namespace mishap::starlark
