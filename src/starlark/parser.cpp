#include "mishap/starlark/parser.h"

#include <algorithm>

#include <fmt/format.h>

#include "bounds.h"
#include "parser_impl.h"

namespace mishap::starlark {
namespace {

bool is_number(const Token& token) {
  return token.kind == TokenKind::kInt || token.kind == TokenKind::kFloat;
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

/// A token as messages call it: by its sort, or quoted for what is punctuation.
std::string Parser::shown(const Token& token) {
  switch (token.kind) {
    case TokenKind::kEnd:
      return "end of file";
    case TokenKind::kNewline:
      return "newline";
    case TokenKind::kIndent:
      return "indent";
    case TokenKind::kOutdent:
      return "outdent";
    case TokenKind::kString:
      return "string literal";
    case TokenKind::kBytes:
      return "bytes literal";
    case TokenKind::kInt:
      return "int literal";
    case TokenKind::kFloat:
      return "float literal";
    case TokenKind::kIdentifier:
      return "identifier";
    case TokenKind::kKeyword:
      return std::string(token.text);
    default:
      return fmt::format("'{}'", token.text);
  }
}

bool Parser::accept(std::string_view text) {
  if (!is(text)) return false;
  next();
  return true;
}

void Parser::error(const ast::Span& span, std::string message, std::string hint,
                   std::string reference) {
  if (failed_) return;
  failed_ = true;
  // What the scanner refused on this line, here or before, is the cause.
  for (const Diagnostic& earlier : diagnostics_) {
    if (earlier.pos.line == span.begin.line && earlier.pos.column <= span.begin.column) return;
  }
  if (reported_++ >= kMaxSyntaxErrors) return;
  Diagnostic diagnostic;
  diagnostic.kind = DiagnosticKind::kSyntax;
  diagnostic.pos = {module_.file, span.begin.line, span.begin.column};
  diagnostic.end_line = span.end.line;
  diagnostic.end_column = span.end.column;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.reference = std::move(reference);
  diagnostics_.push_back(std::move(diagnostic));
}

/// Of a bracket of an earlier line that is still open here: "the '(' of line 1, column 13 is not
/// closed".
std::string Parser::open_bracket() const {
  std::vector<const Token*> open;
  for (size_t i = 0; i < at_; ++i) {
    const Token& token = tokens_[i];
    if (token.is("(") || token.is("[") || token.is("{")) open.push_back(&token);
    if (!open.empty() && (token.is(")") || token.is("]") || token.is("}"))) open.pop_back();
  }
  if (open.empty()) return "";
  ast::Position begin = open.back()->span.begin;
  if (begin.line == token().span.begin.line) return "";
  return fmt::format("the '{}' of line {}, column {} is not closed", open.back()->text, begin.line,
                     begin.column);
}

/// What people write who come from another language, or who forgot something.
std::string Parser::unexpected_hint(std::string_view wanted) const {
  bool doubled = at_ > 0 && previous().text == token().text;
  if (token().kind == TokenKind::kReserved)
    return fmt::format("'{}' is a reserved word", token().text);
  if (is("&") && doubled) return "write and";
  if (is("|") && doubled) return "write or";
  if (wanted == "indent") return "the block is missing: indented lines, if only pass";
  if (is(TokenKind::kIndent)) return "the line is indented more than the block it belongs to";
  if (is("//")) return "a comment begins with #";
  if (is("{") && wanted.starts_with("':'")) return "a block is the indented lines after a ':'";
  if (at_ > 1 && previous().is("+") && tokens_[at_ - 2].is("+")) return "write x += 1";
  if (is(TokenKind::kString) && previous().kind == TokenKind::kString)
    return "strings are not joined by writing them side by side; use +";
  if (is(TokenKind::kIdentifier) && is_number(previous()) &&
      previous().span.end == token().span.begin)
    return "a number is followed by a letter";
  if (wanted == "newline" && previous().text == "assert")
    return "there is no assert statement; use if and fail(\"message\")";
  if (wanted.starts_with("','") || wanted.starts_with("')'") || wanted.starts_with("']'") ||
      wanted.starts_with("'}'") || is(TokenKind::kEnd)) {
    return open_bracket();
  }
  return "";
}

void Parser::unexpected(std::string_view wanted) {
  if (failed_) return;  // each of many open brackets comes here; a hint looks at all tokens
  if (refuse_foreign(wanted)) return;
  std::string reference;
  if (token().kind == TokenKind::kReserved)
    reference = fmt::format("got illegal token, want {}", wanted);
  error(token().span, fmt::format("got {}, want {}", shown(token()), wanted),
        unexpected_hint(wanted), std::move(reference));
}

/// Operators and literals that other languages have, where they end an expression of this one.
bool Parser::refuse_foreign(std::string_view wanted) {
  const auto refuse = [&](const ast::Span& span, std::string message, std::string hint,
                          std::string_view got) {
    error(span, std::move(message), std::move(hint), fmt::format("got {}, want {}", got, wanted));
    return true;
  };
  const bool after_value = wanted != "primary expression";
  if (is("**") && after_value)
    return refuse(token().span, "there is no ** operator", "use math.pow(x, y), or multiply",
                  "'**'");
  if (is(TokenKind::kReserved) && token().text == "is" && after_value)
    return refuse(token().span, "there is no 'is' operator", "use == or !=", "illegal token");
  const bool prefixed = is(TokenKind::kString) && previous().kind == TokenKind::kIdentifier &&
                        previous().span.end == token().span.begin &&
                        previous().text.find_first_not_of("fFrR") == std::string_view::npos;
  if (prefixed)
    return refuse({previous().span.begin, token().span.end}, "f-strings are not in the language",
                  "use \"…\" % x or \"…\".format(x)", "string literal");
  return false;
}

void Parser::unexpected_identifier(std::string_view where) {
  if (failed_) return;
  error(token().span,
        fmt::format("not an identifier: got {}{}{}", shown(token()),
                    where.empty() ? "" : ", want a name ", where),
        token().kind == TokenKind::kReserved || token().kind == TokenKind::kKeyword
            ? fmt::format("'{}' is a reserved word", token().text)
            : unexpected_hint("identifier"));
}

bool Parser::expect(std::string_view text, std::string_view where) {
  if (accept(text)) return true;
  const std::string wanted = is_keyword(text) ? std::string(text) : fmt::format("'{}'", text);
  unexpected(where.empty() ? wanted : fmt::format("{} {}", wanted, where));
  return false;
}

bool Parser::too_deep() {
  if (depth_ > ast::kMaxNesting) {
    error(token().span, fmt::format("nested too deep (more than {} levels)", ast::kMaxNesting));
    return true;
  }
  // Who walks over the tree later needs no more of the stack for a level than the parser.
  if (stack_left() > 0) return false;
  error(token().span, fmt::format("nested too deep for this thread's stack ({} levels)", depth_));
  return true;
}

/// Skips to the end of the line, over the block that may follow it, and over the other branches of
/// a statement whose head was wrong: they are no statements of their own.
void Parser::recover() {
  failed_ = false;
  int level = 0;
  if (is(TokenKind::kOutdent)) return;  // a block is missing; the one around ends here
  while (!is(TokenKind::kEnd)) {
    while (!is(TokenKind::kNewline) && !is(TokenKind::kEnd)) {
      if (is(TokenKind::kIndent)) ++level;
      next();
    }
    if (is(TokenKind::kNewline)) next();
    while (is(TokenKind::kIndent) || is(TokenKind::kOutdent)) {
      if (is(TokenKind::kOutdent) && level == 0) return;
      level += is(TokenKind::kIndent) ? 1 : -1;
      next();
    }
    bool branch =
        is("elif") || is("else") ||
        (is(TokenKind::kReserved) && (token().text == "except" || token().text == "finally"));
    if (level == 0 && !branch) return;
  }
}

void Parser::parse_file() {
  std::vector<ast::Stmt*> statements;
  while (!is(TokenKind::kEnd)) {
    if (is(TokenKind::kOutdent)) {
      next();
      continue;
    }
    statement(statements);
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
  ast::Expr* value = expression(Tuples::kBare);
  while (is(TokenKind::kNewline)) next();
  if (!is(TokenKind::kEnd)) unexpected("end of file");
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
    const bool triple = diagnostic.hint.ends_with("\"\"\"") || diagnostic.hint.ends_with("'''");
    if (triple && diagnostic.message == "unexpected EOF in string") return true;
  }
  int depth = 0;
  bool compound = false;
  const Token* last = nullptr;
  for (const auto& token : tokens) {
    if (token.is("(") || token.is("[") || token.is("{")) ++depth;
    if (token.is(")") || token.is("]") || token.is("}")) --depth;
    if (token.kind == TokenKind::kIndent) compound = true;
    bool layout = token.kind == TokenKind::kNewline || token.kind == TokenKind::kOutdent ||
                  token.kind == TokenKind::kEnd;
    if (!layout) last = &token;
  }
  if (depth > 0) return true;
  // A backslash at the end is either refused as stray or, before a line end, taken as a joint.
  bool stray = !diagnostics.empty() && diagnostics.back().message.starts_with("stray backslash");
  if ((stray && text.ends_with('\\')) || text.ends_with("\\\n")) return true;
  if (last != nullptr && last->is(":")) return true;
  return compound && !text.ends_with('\n');
}

}  // namespace mishap::starlark
