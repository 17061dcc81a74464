// The walk that gives names their variables. Private to resolver*.cpp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/resolver.h"

namespace mishap::starlark {

/// Names bound by the statements of a function's body (or a file), nested blocks included, nested
/// functions not.
std::vector<const ast::Identifier*> bound_names(ast::Block body);

class Resolver {
 public:
  Resolver(ast::Module& module, const Environment& environment, const Dialect& dialect)
      : module_(module), environment_(environment), dialect_(dialect) {}
  std::vector<Diagnostic> run();

 private:
  using Names = std::map<std::string_view, int>;  // name -> slot

  /// One function being resolved. The innermost block is the last.
  struct Frame {
    Frame* outer = nullptr;
    ast::Function* function = nullptr;
    bool is_file = false;
    std::vector<ast::LocalVariable> locals;
    std::vector<ast::FreeVariable> free;
    std::vector<Names> blocks;
    std::vector<ast::Identifier*> uses;  // bound to slots: some turn out to be cells
    int loops = 0;
    int conditionals = 0;
  };

  void error(const ast::Span& span, std::string message, std::string hint = "");
  void collect_globals();
  int add_global(std::string_view name, const ast::Span& span, bool exported);
  void function(ast::Function& function);
  void parameters(ast::Function& function, Frame& frame);
  static int add_local(Frame& frame, const ast::Identifier& name);
  void finish(Frame& frame);

  void block(ast::Block body);
  void statement(ast::Stmt& stmt);
  void load(ast::LoadStmt& stmt);
  void not_at_top_level(const ast::Stmt& stmt, const char* what);
  void bind(ast::Expr& target);
  bool check_target(const ast::Expr& target, bool augmented = false);
  void bind_name(ast::Identifier& name, bool by_load = false);
  void expression(ast::Expr& expr);
  void maybe(ast::Expr* expr) {
    if (expr != nullptr) expression(*expr);
  }
  void comprehension(ast::Comprehension& node);
  void arguments(ast::CallExpr& call);
  void count_arguments(const ast::CallExpr& call, ast::ArgumentKind kind, const char* what);
  void use(ast::Identifier& name);
  ast::Binding find_local(Frame* frame, std::string_view name);
  bool find_outside(ast::Identifier& name);
  std::string suggestion(std::string_view name) const;

  ast::Module& module_;
  const Environment& environment_;
  const Dialect& dialect_;
  std::vector<Diagnostic> diagnostics_;
  Frame* frame_ = nullptr;
  std::map<std::string_view, int> globals_;
  std::set<std::string_view> bound_globals_;  // so far, at the file's top level
  std::map<std::string_view, int> predeclared_, universal_;
};

}  // namespace mishap::starlark
