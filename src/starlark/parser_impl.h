// Recursive descent over the tokens of a file. Private to parser*.cpp.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "mishap/starlark/parser.h"

#include "scanner.h"

namespace mishap::starlark {

class Parser {
 public:
  Parser(ast::Module& module, std::vector<Token> tokens, std::vector<Diagnostic>& diagnostics)
      : module_(module),
        arena_(module.arena),
        tokens_(std::move(tokens)),
        diagnostics_(diagnostics) {}

  void parse_file();
  void parse_single_expression();

 private:
  // --- tokens ---
  const Token& token() const { return tokens_[at_]; }
  const Token& previous() const { return tokens_[at_ > 0 ? at_ - 1 : 0]; }
  bool is(std::string_view text) const { return token().is(text); }
  bool is(TokenKind kind) const { return token().kind == kind; }
  bool accept(std::string_view text);
  void next() { at_ += at_ + 1 < tokens_.size() ? 1 : 0; }
  /// False (and an error reported, once a statement) when the token is not there.
  bool expect(std::string_view text, std::string_view where);
  bool failed() const { return failed_; }
  /// `reference`: see Diagnostic.
  void error(const ast::Span& span, std::string message, std::string hint = "",
             std::string reference = "");
  void unexpected(std::string_view wanted);
  bool refuse_foreign(std::string_view wanted);
  void unexpected_identifier(std::string_view where);
  static std::string shown(const Token& token);
  std::string unexpected_hint(std::string_view wanted) const;
  std::string open_bracket() const;
  void recover();

  // --- statements (parser_statements.cpp) ---
  void statement(std::vector<ast::Stmt*>& out);
  void simple_line(std::vector<ast::Stmt*>& out);
  ast::Stmt* small_statement();
  ast::Stmt* expression_statement();
  ast::Stmt* def_statement();
  ast::Stmt* if_statement();
  ast::Stmt* for_statement();
  ast::Stmt* while_statement();
  ast::Stmt* load_statement();
  void refuse_python_statement();
  void refuse_loop_else();
  ast::Block suite(std::string_view after);
  ast::Block block_of(const std::vector<ast::Stmt*>& statements) { return arena_.copy(statements); }
  std::span<ast::Parameter> parameters(std::string_view closing);
  ast::Expr* loop_target();
  static std::string_view docstring_of(ast::Block body);

  // --- expressions (parser_expressions.cpp) ---
  /// Whether "a, b" is a tuple; enclosed in brackets it may end in a comma.
  enum class Tuples : uint8_t { kNone, kBare, kEnclosed };
  ast::Expr* expression(Tuples tuples);
  bool ends_expressions() const;
  ast::Expr* test();
  ast::Expr* lambda();
  ast::Expr* binary(int minimum);  ///< operators of at least this precedence
  ast::Expr* negation();
  ast::Expr* unary();
  ast::Expr* primary();
  ast::Expr* operand();
  ast::Expr* parenthesised();
  ast::Expr* list_or_comprehension();
  ast::Expr* dict_or_comprehension();
  ast::Expr* comprehension(ast::Expr* key, ast::Expr* element, std::string_view closing,
                           ast::Position begin);
  ast::Expr* call(ast::Expr* function);
  ast::Expr* subscript(ast::Expr* object);
  ast::Expr* int_literal();
  ast::Identifier* identifier(std::string_view where);
  ast::Expr* bad(const ast::Span& span);

  template <class T>
  T* make(ast::Position begin, ast::Position at) {
    T node{};
    node.kind = T::kKind;
    node.span.begin = begin;
    node.at = at;
    return arena_.make(node);
  }
  /// Sets the end of the node and its height from its children; refuses trees that are too high.
  template <class T>
  T* finish(T* node, std::initializer_list<const ast::Expr*> children);
  void raise_height(ast::Expr* node, const ast::Expr* child);

  struct Depth {
    Parser& parser;
    explicit Depth(Parser& p) : parser(p) { ++parser.depth_; }
    ~Depth() { --parser.depth_; }
  };
  bool too_deep();

  ast::Module& module_;
  ast::Arena& arena_;
  std::vector<Token> tokens_;
  std::vector<Diagnostic>& diagnostics_;
  size_t at_ = 0;
  int depth_ = 0;
  size_t reported_ = 0;
  bool failed_ = false;  // the current statement has an error: say nothing more until it is over
  std::vector<ast::LoadStmt*> loads_;
};

template <class T>
T* Parser::finish(T* node, std::initializer_list<const ast::Expr*> children) {
  node->span.end = at_ > 0 ? previous().span.end : node->span.begin;
  for (const ast::Expr* child : children) raise_height(node, child);
  return node;
}

}  // namespace mishap::starlark
