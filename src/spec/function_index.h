// The functions of a spec's files as text: what they mention and which calls in them may be faults.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/ast.h"

#include "world.h"

namespace mishap::spec {

/// A call that may be fault-like, as written.
struct FaultCall {
  std::string builtin;  ///< "" when the callee is a value that may be one
  const starlark::ast::CallExpr* call;
};

/// A function's text: the names it mentions lead to other functions, the calls in it matter if it
/// is reached.
struct FunctionText {
  const starlark::ast::Function* function = nullptr;
  std::string file;
  std::set<std::string> mentions;
  std::vector<FaultCall> calls;
  bool hands_on = false;  ///< uses a fault builtin as a value: whatever is called may be it
  bool hands_on_partition = false;
};

/// Builtins that inject faults or trace.
bool is_fault_builtin(std::string_view name);
/// Builtins that act on connections between services.
bool is_partition_builtin(std::string_view name);

/// Every function of the files that are added, then finished; constant from then on.
struct FunctionIndex {
  std::vector<std::unique_ptr<starlark::ast::Module>> modules;
  std::deque<FunctionText> functions;
  std::multimap<std::string, const FunctionText*, std::less<>> by_name;
  /// What names mean: of a loaded name the name where it comes from.
  std::multimap<std::string, std::string, std::less<>> renamed;
  std::set<std::string> keywords;  ///< all words that may name syscalls: what `**kwargs` might hold

  /// All files of the world.
  explicit FunctionIndex(const World& world);
  /// Null: its text is in none of the files.
  const FunctionText* find(const starlark::FunctionObject& function) const;

 private:
  void add_file(const World& world, const std::string& name, const std::string& text,
                std::set<std::string>& words);
  void find_keywords(const World& world, const std::set<std::string>& words);
};

}  // namespace mishap::spec
