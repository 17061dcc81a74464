#include <array>
#include <map>

#include <fmt/format.h>

#include "parser_impl.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: this file is about nothing else

namespace {

struct AugmentedOperator {
  std::string_view text;
  BinaryOp op;
};
constexpr std::array kAugmented = {AugmentedOperator{"+=", BinaryOp::kAdd},
                                   AugmentedOperator{"-=", BinaryOp::kSubtract},
                                   AugmentedOperator{"*=", BinaryOp::kMultiply},
                                   AugmentedOperator{"/=", BinaryOp::kDivide},
                                   AugmentedOperator{"//=", BinaryOp::kFloorDivide},
                                   AugmentedOperator{"%=", BinaryOp::kModulo},
                                   AugmentedOperator{"&=", BinaryOp::kAnd},
                                   AugmentedOperator{"|=", BinaryOp::kOr},
                                   AugmentedOperator{"^=", BinaryOp::kXor},
                                   AugmentedOperator{"<<=", BinaryOp::kShiftLeft},
                                   AugmentedOperator{">>=", BinaryOp::kShiftRight}};

/// What people write from Python, and what to do instead.
const std::map<std::string_view, std::string_view> kPython = {
    {"import", "use load(\"file.star\", \"name\")"},
    {"from", "use load(\"file.star\", \"name\")"},
    {"class", "use struct(…) and functions"},
    {"try", "errors cannot be caught; ask first, as with hasattr or `in`"},
    {"except", "errors cannot be caught"},
    {"finally", "errors cannot be caught"},
    {"raise", "use fail(\"message\")"},
    {"with", "pass a function instead"},
    {"del", "use x.pop(key) or x.remove(item)"},
    {"global", "functions cannot rebind globals; return the value"},
    {"nonlocal", "use a list or dict that both functions see"},
    {"yield", "return a list"},
    {"async", "functions return when they are done"},
    {"await", "calls return when they are done"},
};

template <class T>
T* make_statement(Arena& arena, Position begin) {
  T node{};
  node.kind = T::kKind;
  node.span.begin = begin;
  node.at = begin;
  return arena.make(node);
}

}  // namespace

std::string_view Parser::docstring_of(Block body) {
  if (body.empty() || body[0]->kind != StmtKind::kExpr) return {};
  const auto* text =
      if_a<const StringLiteral>(static_cast<const Expr*>(as<ExprStmt>(*body[0]).expr));
  return text == nullptr ? std::string_view() : text->value;
}

void Parser::refuse_python_statement() {
  auto found = kPython.find(token().text);
  if (found == kPython.end()) return unexpected("primary expression");
  error(token().span, fmt::format("'{}' is not in the language", token().text),
        std::string(found->second), "got illegal token, want primary expression");
}

void Parser::refuse_loop_else() {
  if (is("else") && !failed())
    error(token().span, "loops have no else", "", "got else, want primary expression");
}

void Parser::statement(std::vector<Stmt*>& out) {
  Depth depth(*this);
  if (too_deep()) return;
  if (is(TokenKind::kIndent)) return unexpected("primary expression");
  if (is("def")) return out.push_back(def_statement());
  if (is("if")) return out.push_back(if_statement());
  if (is("for")) return out.push_back(for_statement());
  if (is("while")) return out.push_back(while_statement());
  if (is(TokenKind::kReserved)) return refuse_python_statement();
  simple_line(out);
}

void Parser::simple_line(std::vector<Stmt*>& out) {
  while (!failed()) {
    Stmt* parsed = small_statement();
    if (failed()) return;
    out.push_back(parsed);
    if (!accept(";")) break;
    if (is(TokenKind::kNewline) || is(TokenKind::kEnd)) break;
  }
  if (failed()) return;
  if (is(TokenKind::kNewline)) return next();
  if (!is(TokenKind::kEnd)) unexpected("newline");
}

Stmt* Parser::small_statement() {
  Position begin = token().span.begin;
  Stmt* parsed = nullptr;
  if (accept("return")) {
    auto* node = make_statement<ReturnStmt>(arena_, begin);
    if (!is(TokenKind::kNewline) && !is(TokenKind::kEnd) && !is(";"))
      node->value = expression(Tuples::kBare);
    parsed = node;
  } else if (accept("break")) {
    parsed = make_statement<BreakStmt>(arena_, begin);
  } else if (accept("continue")) {
    parsed = make_statement<ContinueStmt>(arena_, begin);
  } else if (accept("pass")) {
    parsed = make_statement<PassStmt>(arena_, begin);
  } else if (is("load")) {
    parsed = load_statement();
  } else {
    parsed = expression_statement();
  }
  parsed->span.end = previous().span.end;
  return parsed;
}

Stmt* Parser::expression_statement() {
  Position begin = token().span.begin;
  Expr* left = expression(Tuples::kBare);
  if (failed()) return make_statement<PassStmt>(arena_, begin);
  std::optional<BinaryOp> op;
  bool assigns = is("=");
  for (const auto& candidate : kAugmented) {
    if (is(candidate.text)) op = candidate.op;
  }
  if (!assigns && !op) {
    if (is(":")) {
      error(token().span, "got ':', want newline", "variables have no type annotations");
    }
    auto* node = make_statement<ExprStmt>(arena_, begin);
    node->expr = left;
    return node;
  }
  auto* node = make_statement<AssignStmt>(arena_, begin);
  node->at = token().span.begin;
  next();
  node->op = op;
  node->target = left;
  node->value = expression(Tuples::kBare);
  if (is("="))
    error(token().span, "got '=', want newline",
          "assignments cannot be chained: write one line for each name");
  return node;
}

Block Parser::suite(std::string_view after) {
  if (!expect(":", after)) return {};
  std::vector<Stmt*> statements;
  if (!is(TokenKind::kNewline)) {
    simple_line(statements);
    return block_of(statements);
  }
  next();
  if (!is(TokenKind::kIndent)) {
    unexpected("indent");
    return {};
  }
  next();
  while (!is(TokenKind::kOutdent) && !is(TokenKind::kEnd)) {
    statement(statements);
    if (!failed()) continue;
    recover();
  }
  if (is(TokenKind::kOutdent)) next();
  return block_of(statements);
}

std::span<Parameter> Parser::parameters(std::string_view closing) {
  std::vector<Parameter> parsed;
  while (!is(closing) && !failed()) {
    Position begin = token().span.begin;
    Parameter parameter{ParameterKind::kRequired, nullptr, nullptr, {begin, begin}};
    if (accept("**")) {
      parameter.kind = ParameterKind::kKwargs;
      parameter.name = identifier("after **");
    } else if (accept("*")) {
      bool bare = is(",") || is(closing);
      parameter.kind = bare ? ParameterKind::kBareStar : ParameterKind::kArgs;
      if (!bare) parameter.name = identifier("after *");
    } else {
      parameter.name = identifier("for the parameter");
      if (accept("=")) {
        parameter.kind = ParameterKind::kOptional;
        parameter.value = test();
      } else if (is(":") && closing == ")") {
        error(token().span, "parameters have no type annotations", "", "got ':', want ')'");
      }
    }
    parameter.span.end = previous().span.end;
    parsed.push_back(parameter);
    if (is(closing) || is(":") || is(TokenKind::kEnd) ||
        !expect(",", "or the end of the parameters"))
      break;
  }
  return arena_.copy(parsed);
}

Stmt* Parser::def_statement() {
  auto* node = make_statement<DefStmt>(arena_, token().span.begin);
  next();
  node->name = identifier("for the function");
  Function function;
  function.name = node->name->name;
  function.at = node->at;
  if (expect("(", "after the function's name")) {
    function.parameters = parameters(")");
    expect(")", "after the parameters");
  }
  if (is("-")) error(token().span, "functions have no return type", "", "got '-', want ':'");
  if (!failed()) function.body = suite("after a function's head");
  function.docstring = docstring_of(function.body);
  node->span.end = previous().span.end;
  function.span = node->span;
  node->function = arena_.make(function);
  return node;
}

Stmt* Parser::if_statement() {
  auto* node = make_statement<IfStmt>(arena_, token().span.begin);
  std::vector<IfBranch> branches;
  while (!failed() && (is("if") ? branches.empty() : is("elif"))) {
    Position at = token().span.begin;
    next();
    Expr* condition = test();
    if (is("=")) error(token().span, "got '=', want ':'", "== compares");
    if (failed()) break;
    branches.push_back({condition, suite("after a condition"), at});
  }
  if (!failed() && accept("else")) node->otherwise = suite("after else");
  node->branches = arena_.copy(branches);
  node->span.end = previous().span.end;
  return node;
}

Expr* Parser::loop_target() {
  Expr* first = primary();
  if (failed()) return first;
  if (is(",")) {
    std::vector<Expr*> elements = {first};
    auto* tuple = make<TupleExpr>(first->span.begin, first->span.begin);
    while (accept(",")) {
      elements.push_back(primary());
      if (failed()) return first;
    }
    tuple->elements = arena_.copy(elements);
    finish(tuple, {});
    for (const Expr* element : elements) raise_height(tuple, element);
    first = tuple;
  }
  return first;
}

Stmt* Parser::for_statement() {
  auto* node = make_statement<ForStmt>(arena_, token().span.begin);
  next();
  node->target = loop_target();
  if (!failed()) expect("in", "after the variables of a loop");
  if (!failed()) node->iterable = expression(Tuples::kBare);
  if (!failed()) node->body = suite("after a for loop's head");
  refuse_loop_else();
  node->span.end = previous().span.end;
  return node;
}

Stmt* Parser::while_statement() {
  auto* node = make_statement<WhileStmt>(arena_, token().span.begin);
  next();
  node->condition = test();
  if (!failed()) node->body = suite("after a while loop's head");
  refuse_loop_else();
  node->span.end = previous().span.end;
  return node;
}

Stmt* Parser::load_statement() {
  auto* node = make_statement<LoadStmt>(arena_, token().span.begin);
  next();
  if (!expect("(", "after load")) return node;
  if (!is(TokenKind::kString)) {
    error(token().span, "first operand of load statement must be a string literal",
          "the name of a file");
    return node;
  }
  node->module = token().text;
  node->module_span = token().span;
  next();
  std::vector<LoadedName> names;
  while (!is(")") && !is(TokenKind::kEnd)) {
    if (!expect(",", "or ')' in a load")) return node;
    if (is(")")) break;
    LoadedName loaded{};
    auto* local = make<Identifier>(token().span.begin, token().span.begin);
    if (is(TokenKind::kIdentifier)) {
      local->name = token().text;
      local->span = token().span;
      next();
      if (!accept("=")) {
        error(local->span, fmt::format("load operand must be \"{0}\" or {0}=\"originalname\" (want "
                                       "'=' after {0})",
                                       local->name));
        return node;
      }
      if (!is(TokenKind::kString)) {
        error(token().span,
              fmt::format("original name of loaded symbol must be quoted: {}=\"originalname\"",
                          local->name));
        return node;
      }
    }
    if (!is(TokenKind::kString)) {
      error(token().span,
            fmt::format("load operand must be \"name\" or localname=\"name\" (got {})",
                        shown(token())));
      return node;
    }
    loaded.name = token().text;
    loaded.name_span = token().span;
    if (local->name.empty()) {
      local->name = token().text;
      local->span = token().span;
    }
    next();
    local->height = 1;
    loaded.local = local;
    names.push_back(loaded);
  }
  expect(")", "at the end of a load");
  if (names.empty() && !failed())
    error(node->module_span, "load statement must import at least 1 symbol");
  node->names = arena_.copy(names);
  node->span.end = previous().span.end;
  loads_.push_back(node);
  return node;
}

}  // namespace mishap::starlark
