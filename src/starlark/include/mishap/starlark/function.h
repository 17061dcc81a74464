// Functions written in Starlark.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/source_pos.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

struct Code;
struct Program;
class LoadedModule;

/// A def or lambda, closed over its variables. Equal only to itself.
class FunctionObject final : public Container {
 public:
  struct Param {
    std::string_view name;
    bool keyword_only = false;
    Value default_value;  ///< invalid: required
  };

  FunctionObject(const Code& code, LoadedModule& module, std::vector<Value> defaults,
                 std::vector<Value> cells);
  ~FunctionObject() override;

  std::string_view name() const;  ///< "lambda" for lambdas
  SourcePos pos() const;          ///< of the def
  std::string_view doc() const;   ///< the docstring, "" without
  /// Ordinary parameters; not *args and **kwargs.
  std::vector<Param> params() const;
  bool has_varargs() const;
  bool has_kwargs() const;
  /// Where it was defined.
  LoadedModule& module() const { return *module_; }
  void visit_children(const ValueVisitor& visit) override;

 private:
  friend class Vm;
  std::shared_ptr<const Program> program_;  // owns code_
  const Code* code_;
  LoadedModule* module_;
  Value module_reference_;  // keeps module_ alive; empty once the heap is gone
  std::vector<Value>
      defaults_;  // of the last parameters; invalid for a keyword-only one that is required
  std::vector<Value> cells_;  // variables of enclosing functions
};

}  // namespace mishap::starlark
