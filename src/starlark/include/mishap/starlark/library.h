// The names and methods every program can use. The core gives the tables; lib_*.cpp fill them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/callable.h"
#include "mishap/starlark/heap.h"

namespace mishap::starlark {

/// Method name -> builtin with no receiver yet. Few entries; looked up by the VM at each x.f(…).
class MethodTable {
 public:
  void add(const Value& builtin);
  /// Null when there is none. `hash` is String::hash_bytes(name).
  const Value* find(std::string_view name, uint64_t hash) const;
  const Value* find(std::string_view name) const { return find(name, String::hash_bytes(name)); }
  std::vector<std::string> names() const;

 private:
  struct Slot {
    uint64_t hash = 0;
    Value builtin;
  };
  std::vector<Slot> slots_;
  size_t count_ = 0;
};

/// One per interpreter.
struct Library {
  explicit Library(Heap& heap) : heap(heap) {}
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  Heap& heap;
  std::map<std::string, Value, std::less<>>
      universe;  ///< None, True, False and the builtin functions
  MethodTable methods[kKindCount];

  /// Adds a universe function under its signature's name.
  void function(Signature signature, NativeFunction body, QuickFunction quick = nullptr);
  /// Adds a method of the built-in type: `library.method(Kind::kList,
  /// Signature("append").required("x").positional_only(), …)`.
  void method(Kind kind, Signature signature, NativeFunction body, QuickFunction quick = nullptr);
};

/// Fills in the whole standard library (lib_*.cpp): universe functions and methods of the built-in
/// types.
void install_standard_library(Library& library);

/// string % args (format.cpp).
Result<Value> format_percent(Thread& thread, std::string_view format, const Value& args);

// Predeclared modules and functions that an embedder may offer (lib_json.cpp, lib_math.cpp,
// lib_time.cpp, lib_struct.cpp).
Value make_json_module(Heap& heap);
Value make_math_module(Heap& heap);
Value make_time_module(Heap& heap);
Value make_struct_function(Heap& heap);

/// A value of type "module": `<module "json">` with fixed attributes.
class NamespaceObject final : public HostObject {
 public:
  NamespaceObject(std::string name, std::vector<std::pair<std::string, Value>> members);
  std::string_view type_name() const override { return "module"; }
  void append_repr(std::string& out) const override;
  Result<Value> attr(Thread& thread, std::string_view name) override;
  std::vector<std::string> attr_names() const override;
  void visit_children(const ValueVisitor& visit) override;

 private:
  std::string name_;
  std::vector<std::pair<std::string, Value>> members_;
};

}  // namespace mishap::starlark
