// A file of Starlark after it ran: its global names and their values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/host.h"
#include "mishap/starlark/value.h"

namespace mishap::starlark {

struct Program;

/// Belongs to its interpreter; functions refer to it. Frozen when its file has been run to the end.
class LoadedModule final : public HostObject {
 public:
  struct Global {
    std::string name;
    Value value;
  };

  explicit LoadedModule(std::shared_ptr<const Program> program);
  ~LoadedModule() override;

  /// The file's name as positions show it.
  const std::string& name() const;
  /// The docstring of the file, "" without.
  std::string_view doc() const;
  /// Defined globals in order of their first appearance in the file; names bound by load are not
  /// among them.
  std::vector<Global> globals() const;
  /// Invalid when it is not defined.
  Value global(std::string_view name) const;

  std::string_view type_name() const override { return "module"; }
  void append_repr(std::string& out) const override;
  void visit_children(const ValueVisitor& visit) override;

 private:
  friend class Vm;
  friend class Interpreter;
  friend class FunctionObject;
  std::shared_ptr<const Program> program_;
  std::vector<Value> globals_;
};

}  // namespace mishap::starlark
