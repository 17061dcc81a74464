#include "mishap/starlark/parser.h"

#include <algorithm>

#include <fmt/format.h>

#include "parser_impl.h"

namespace mishap::starlark {
namespace {

std::string shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "end of file";
    case TokenKind::kNewline:
      return "end of line";
    case TokenKind::kIndent:
      return "indentation";
    case TokenKind::kOutdent:
      return "end of block";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kBytes:
      return "bytes";
    default:
      return fmt::format("'{}'", token.text);
  }
}

void in_order(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const auto& a, const auto& b) {
    return std::pair(a.pos.line, a.pos.column) < std::pair(b.pos.line, b.pos.column);
  });
  if (diagnostics.size() > kMaxSyntaxErrors) diagnostics.resize(kMaxSyntaxErrors);
}

std::unique_ptr<ast::Module> new_module(std::string file, std::string_view text) {
  auto module = std::make_unique<ast::Module>();
  module->file = std::move(file);
  module->text = text;
  return module;
}

}  // namespace

bool Parser::accept(std::string_view text) {
  if (!is(text)) return false;
  next();
  return true;
}

void Parser::error(const ast::Span& span, std::string message, std::string hint) {
  if (failed_) return;
  failed_ = true;
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kSyntax;
  diagnostic.pos = {module_.file, span.begin.line, span.begin.column};
  diagnostic.end_line = span.end.line;
  diagnostic.end_column = span.end.column;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostics_.push_back(std::move(diagnostic));
}

void Parser::unexpected(std::string_view wanted) {
  std::string hint;
  if (token().kind == TokenKind::kReserved)
    hint = fmt::format("'{}' is a reserved word", token().text);
  error(token().span, fmt::format("got {}, want {}", shown(token()), wanted), hint);
}

bool Parser::expect(std::string_view text, std::string_view where) {
  if (accept(text)) return true;
  unexpected(where.empty() ? fmt::format("'{}'", text) : fmt::format("'{}' {}", text, where));
  return false;
}

bool Parser::too_deep() {
  if (depth_ <= ast::kMaxNesting) return false;
  error(token().span, fmt::format("nested too deep (more than {} levels)", ast::kMaxNesting));
  return true;
}

/// Skips to the end of the line, over the block that may follow it.
void Parser::recover() {
  while (!is(TokenKind::kNewline) && !is(TokenKind::kEnd)) next();
  if (is(TokenKind::kNewline)) next();
  if (is(TokenKind::kIndent)) {
    int level = 0;
    do {
      if (is(TokenKind::kIndent)) ++level;
      if (is(TokenKind::kOutdent)) --level;
      next();
    } while (level > 0 && !is(TokenKind::kEnd));
  }
  failed_ = false;
}

void Parser::parse_file() {
  std::vector<ast::Stmt*> statements;
  while (!is(TokenKind::kEnd)) {
    if (is(TokenKind::kIndent)) error(token().span, "unexpected indentation");
    if (is(TokenKind::kOutdent)) {
      next();
      continue;
    }
    if (!failed_) statement(statements);
    if (failed_) recover();
  }
  ast::Function toplevel;
  toplevel.name = "<toplevel>";
  toplevel.at = {1, 1};
  toplevel.body = block_of(statements);
  toplevel.docstring = docstring_of(toplevel.body);
  module_.toplevel = arena_.make(toplevel);
  module_.loads = arena_.copy(loads_);
}

void Parser::parse_single_expression() {
  ast::Expr* value = expression(true);
  while (is(TokenKind::kNewline)) next();
  if (!is(TokenKind::kEnd)) unexpected("end of the expression");
  auto* statement = arena_.make(ast::ReturnStmt{});
  statement->kind = ast::StmtKind::kReturn;
  statement->span = value->span;
  statement->at = value->span.begin;
  statement->value = value;
  ast::Function toplevel;
  toplevel.name = "<toplevel>";
  toplevel.at = {1, 1};
  toplevel.body = block_of({statement});
  module_.toplevel = arena_.make(toplevel);
}

ParseOutcome parse(std::string file, std::string_view text, const Dialect&, int first_line) {
  ParseOutcome outcome;
  auto module = new_module(std::move(file), text);
  Scanner scanner(module->file, module->text, first_line, module->arena, outcome.diagnostics);
  Parser parser(*module, scanner.scan(), outcome.diagnostics);
  parser.parse_file();
  in_order(outcome.diagnostics);
  if (outcome.diagnostics.empty()) outcome.module = std::move(module);
  return outcome;
}

ParseOutcome parse_expression(std::string file, std::string_view text, const Dialect&,
                              int first_line) {
  ParseOutcome outcome;
  auto module = new_module(std::move(file), text);
  Scanner scanner(module->file, module->text, first_line, module->arena, outcome.diagnostics);
  Parser parser(*module, scanner.scan(), outcome.diagnostics);
  parser.parse_single_expression();
  in_order(outcome.diagnostics);
  if (outcome.diagnostics.empty()) outcome.module = std::move(module);
  return outcome;
}

bool wants_more(std::string_view text) {
  ast::Arena arena;
  std::vector<Diagnostic> diagnostics;
  std::string file = "<input>";
  auto tokens = Scanner(file, text, 1, arena, diagnostics).scan();
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.message == "unclosed triple-quoted string") return true;
  }
  int depth = 0;
  bool compound = false;
  for (const auto& token : tokens) {
    if (token.is("(") || token.is("[") || token.is("{")) ++depth;
    if (token.is(")") || token.is("]") || token.is("}")) --depth;
    if (token.kind == TokenKind::kIndent) compound = true;
  }
  if (depth > 0) return true;
  std::string_view line = text;
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  if (line.ends_with('\\')) return true;
  if (line.ends_with(':') || line.ends_with(":\n")) return true;
  return compound && !text.ends_with("\n\n") && !text.ends_with("\n");
}

}  // namespace mishap::starlark
