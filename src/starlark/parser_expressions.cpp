#include <array>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "bounds.h"
#include "parser_impl.h"

namespace mishap::starlark {

using namespace ast;  // NOLINT: this file is about nothing else

namespace {

struct Operator {
  std::string_view text;
  int precedence;
  BinaryOp op;
};

// Precedence of and/or is below; comparisons do not associate.
constexpr int kOr = 1, kAnd = 2, kNot = 3, kComparison = 4;
constexpr std::array kOperators = {
    Operator{"==", 4, BinaryOp::kEqual},        Operator{"!=", 4, BinaryOp::kNotEqual},
    Operator{"<", 4, BinaryOp::kLess},          Operator{"<=", 4, BinaryOp::kLessEqual},
    Operator{">", 4, BinaryOp::kGreater},       Operator{">=", 4, BinaryOp::kGreaterEqual},
    Operator{"in", 4, BinaryOp::kIn},           Operator{"|", 5, BinaryOp::kOr},
    Operator{"^", 6, BinaryOp::kXor},           Operator{"&", 7, BinaryOp::kAnd},
    Operator{"<<", 8, BinaryOp::kShiftLeft},    Operator{">>", 8, BinaryOp::kShiftRight},
    Operator{"+", 9, BinaryOp::kAdd},           Operator{"-", 9, BinaryOp::kSubtract},
    Operator{"*", 10, BinaryOp::kMultiply},     Operator{"/", 10, BinaryOp::kDivide},
    Operator{"//", 10, BinaryOp::kFloorDivide}, Operator{"%", 10, BinaryOp::kModulo},
};

constexpr std::string_view kNoGenerators =
    "there are no generator expressions; use a list comprehension [… for …]";

const Operator* find_operator(const Token& token) {
  for (const auto& candidate : kOperators) {
    if (token.is(candidate.text)) return &candidate;
  }
  return nullptr;
}

}  // namespace

void Parser::raise_height(Expr* node, const Expr* child) {
  if (child == nullptr) return;
  // A chain of operators is high without being nested; walking over it takes a stack as deep.
  constexpr size_t kStackOfLevel = 1024;
  const auto most = std::min<size_t>(kMaxTreeHeight, stack_left() / kStackOfLevel);
  if (child->height >= most) {
    error(node->span, fmt::format("expression is too complex (more than {} levels)", most));
    return;
  }
  node->height = std::max<uint16_t>(node->height, static_cast<uint16_t>(child->height + 1));
}

Expr* Parser::bad(const Span& span) {
  auto* node = make<TupleExpr>(span.begin, span.begin);
  node->span = span;
  return node;
}

Identifier* Parser::identifier(std::string_view where) {
  auto* node = make<Identifier>(token().span.begin, token().span.begin);
  if (is(TokenKind::kIdentifier)) {
    node->name = token().text;
    next();
  } else {
    unexpected_identifier(where);
  }
  return finish(node, {});
}

/// Whether no other expression follows a comma.
bool Parser::ends_expressions() const {
  return is(TokenKind::kNewline) || is(TokenKind::kEnd) || is("=") || is(")") || is("]") ||
         is("}") || is(";");
}

Expr* Parser::expression(Tuples tuples) {
  Expr* first = test();
  if (tuples == Tuples::kNone || !is(",") || failed()) return first;
  std::vector<Expr*> elements = {first};
  auto* tuple = make<TupleExpr>(first->span.begin, first->span.begin);
  while (accept(",")) {
    if (ends_expressions()) {
      if (tuples == Tuples::kBare)
        error(previous().span, "unparenthesized tuple with trailing comma",
              "write (x,) for a tuple of one");
      break;
    }
    elements.push_back(test());
    if (failed()) break;
  }
  tuple->elements = arena_.copy(elements);
  finish(tuple, {});
  for (const Expr* element : elements) raise_height(tuple, element);
  return tuple;
}

Expr* Parser::test() {
  Depth depth(*this);
  if (too_deep()) return bad(token().span);
  if (is("lambda")) return lambda();
  Expr* value = binary(kOr);
  if (!is("if") || failed()) return value;
  auto* node = make<ConditionalExpr>(value->span.begin, token().span.begin);
  const Span condition_word = token().span;
  next();
  node->if_true = value;
  node->condition = binary(kOr);
  if (!failed() && !is("else")) {
    error(condition_word, "conditional expression without else clause",
          "write x if condition else y");
  }
  if (!accept("else")) return value;
  node->if_false = test();
  return finish(node, {node->if_true, node->condition, node->if_false});
}

Expr* Parser::lambda() {
  auto* node = make<LambdaExpr>(token().span.begin, token().span.begin);
  next();
  Function function;
  function.name = "lambda";
  function.is_lambda = true;
  function.at = node->at;
  function.parameters = parameters(":");
  if (!expect(":", "after the lambda's parameters")) return node;
  Expr* body = test();
  auto* result = arena_.make(ReturnStmt{});
  result->kind = StmtKind::kReturn;
  result->span = body->span;
  result->at = body->span.begin;
  result->value = body;
  function.body = block_of({result});
  finish(node, {body});
  for (const auto& parameter : function.parameters) raise_height(node, parameter.value);
  function.span = node->span;
  node->function = arena_.make(function);
  return node;
}

Expr* Parser::negation() {
  Depth depth(*this);
  if (too_deep()) return bad(token().span);
  auto* node = make<UnaryExpr>(token().span.begin, token().span.begin);
  next();
  node->op = UnaryOp::kNot;
  node->operand = binary(kNot);
  return finish(node, {node->operand});
}

/// Precedence climbing: one frame for all levels, so that deep nesting costs little stack.
Expr* Parser::binary(int minimum) {
  Expr* left = minimum <= kNot && is("not") ? negation() : unary();
  const BinaryExpr* compared = nullptr;  // `left`, when it is a comparison written just before
  while (!failed()) {
    int logical = is("or") ? kOr : is("and") ? kAnd : 0;
    if (logical != 0) {
      if (logical < minimum) return left;
      auto* node = make<LogicalExpr>(left->span.begin, token().span.begin);
      next();
      node->op = logical == kOr ? LogicalOp::kOr : LogicalOp::kAnd;
      node->left = left;
      node->right = binary(logical + 1);
      left = finish(node, {node->left, node->right});
      compared = nullptr;
      continue;
    }
    bool negated = is("not") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].is("in");
    if (is("not") && !negated && kComparison >= minimum) {
      next();
      unexpected("in");
      return left;
    }
    const Operator* found = find_operator(token());
    if (!negated && found == nullptr) return left;
    int precedence = negated ? kComparison : found->precedence;
    if (precedence < minimum) return left;
    if (precedence == kComparison && compared != nullptr) {
      error(token().span,
            fmt::format("{} does not associate with {} (use parens)", to_string(compared->op),
                        negated ? "not in" : token().text),
            "write a < b and b < c");
      return left;
    }
    auto* node = make<BinaryExpr>(left->span.begin, token().span.begin);
    next();
    if (negated) next();
    node->op = negated ? BinaryOp::kNotIn : found->op;
    node->left = left;
    node->right = binary(precedence + 1);
    left = finish(node, {node->left, node->right});
    compared = precedence == kComparison ? node : nullptr;
  }
  return left;
}

Expr* Parser::unary() {
  for (auto [text, op] : {std::pair("-", UnaryOp::kMinus), std::pair("+", UnaryOp::kPlus),
                          std::pair("~", UnaryOp::kInvert)}) {
    if (!is(text)) continue;
    Depth depth(*this);
    if (too_deep()) return bad(token().span);
    auto* node = make<UnaryExpr>(token().span.begin, token().span.begin);
    next();
    node->op = op;
    node->operand = unary();
    return finish(node, {node->operand});
  }
  return primary();
}

Expr* Parser::primary() {
  Expr* value = operand();
  while (!failed()) {
    if (is(".")) {
      auto* node = make<DotExpr>(value->span.begin, token().span.begin);
      next();
      node->object = value;
      if (!is(TokenKind::kIdentifier)) {
        unexpected_identifier("after '.'");
        return value;
      }
      node->name = token().text;
      node->name_span = token().span;
      next();
      value = finish(node, {value});
    } else if (is("(")) {
      value = call(value);
    } else if (is("[")) {
      value = subscript(value);
    } else {
      break;
    }
  }
  return value;
}

Expr* Parser::int_literal() {
  auto* node = make<IntLiteral>(token().span.begin, token().span.begin);
  std::string_view text = token().text;
  if (text.size() > 2 && text[0] == '0') {
    char mark = static_cast<char>(text[1] | 0x20);
    node->base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
  }
  node->digits = node->base == 10 ? text : text.substr(2);
  int64_t value = 0;
  auto [end, problem] = std::from_chars(
      node->digits.data(), node->digits.data() + node->digits.size(), value, node->base);
  if (problem == std::errc() && end == node->digits.data() + node->digits.size())
    node->value = value;
  else if (auto right = check_integer_size(bits_of_digits(node->digits.size(), node->base)); !right)
    error(token().span, right.error().message);
  next();
  return finish(node, {});
}

Expr* Parser::operand() {
  const Token& now = token();
  Position begin = now.span.begin;
  switch (now.kind) {
    case TokenKind::kIdentifier:
      return identifier("");
    case TokenKind::kInt:
      return int_literal();
    case TokenKind::kFloat: {
      auto* node = make<FloatLiteral>(begin, begin);
      node->value = std::strtod(std::string(now.text).c_str(), nullptr);
      next();
      return finish(node, {});
    }
    case TokenKind::kString: {
      auto* node = make<StringLiteral>(begin, begin);
      node->value = now.text;
      next();
      return finish(node, {});
    }
    case TokenKind::kBytes: {
      auto* node = make<BytesLiteral>(begin, begin);
      node->value = now.text;
      next();
      return finish(node, {});
    }
    default:
      break;
  }
  if (is("(")) return parenthesised();
  if (is("[")) return list_or_comprehension();
  if (is("{")) return dict_or_comprehension();
  unexpected("primary expression");
  return bad(now.span);
}

Expr* Parser::parenthesised() {
  Position begin = token().span.begin;
  next();
  if (accept(")")) {
    auto* empty = make<TupleExpr>(begin, begin);
    empty->parenthesized = true;
    return finish(empty, {});
  }
  Expr* inner = expression(Tuples::kEnclosed);
  if (is("for")) error(token().span, "got for, want ')'", std::string(kNoGenerators));
  expect(")", "");
  bool tuple = inner->kind == ExprKind::kTuple && !inner->parenthesized;
  inner->parenthesized = true;
  if (tuple) {
    inner->span.begin = begin;
    inner->span.end = previous().span.end;
  }
  return inner;
}

Expr* Parser::list_or_comprehension() {
  Position begin = token().span.begin;
  next();
  std::vector<Expr*> elements;
  if (!is("]")) {
    elements.push_back(test());
    if (is("for")) return comprehension(nullptr, elements[0], "]", begin);
    while (!failed() && accept(",") && !ends_expressions()) elements.push_back(test());
  }
  expect("]", "at the end of a list");
  auto* node = make<ListExpr>(begin, begin);
  node->elements = arena_.copy(elements);
  finish(node, {});
  for (const Expr* element : elements) raise_height(node, element);
  return node;
}

Expr* Parser::dict_or_comprehension() {
  Position begin = token().span.begin;
  next();
  std::vector<DictEntry> entries;
  while (!is("}") && !failed()) {
    Expr* key = test();
    if (entries.empty() && (is(",") || is("}")) && !failed()) {
      error(token().span, "got " + std::string(is(",") ? "','" : "'}'") + ", want ':'",
            "there are no set literals; use set([…])");
      break;
    }
    Position colon = token().span.begin;
    if (!expect(":", "after a dict's key")) break;
    Expr* value = test();
    if (entries.empty() && is("for")) return comprehension(key, value, "}", begin);
    entries.push_back({key, value, colon});
    if (!accept(",")) break;
  }
  expect("}", "at the end of a dict");
  auto* node = make<DictExpr>(begin, begin);
  node->entries = arena_.copy(entries);
  finish(node, {});
  for (const auto& entry : entries) {
    raise_height(node, entry.key);
    raise_height(node, entry.value);
  }
  return node;
}

Expr* Parser::comprehension(Expr* key, Expr* element, std::string_view closing, Position begin) {
  Depth depth(*this);  // its clauses are no tests, which count themselves
  auto* node = make<Comprehension>(begin, begin);
  if (too_deep()) return node;
  node->key = key;
  node->element = element;
  std::vector<Clause> clauses;
  while (!failed() && (is("for") || is("if"))) {
    Position at = token().span.begin;
    if (clauses.size() >= static_cast<size_t>(kMaxNesting)) {
      error(token().span, fmt::format("more than {} clauses in a comprehension", kMaxNesting));
      break;
    }
    if (accept("for")) {
      Expr* target = loop_target();
      if (!expect("in", "after the variables of a comprehension")) break;
      clauses.push_back({target, binary(kOr), at});
    } else {
      next();
      clauses.push_back({nullptr, binary(kOr), at});
    }
  }
  if (!accept(closing)) unexpected(fmt::format("'{}', for, or if", closing));
  node->clauses = arena_.copy(clauses);
  finish(node, {key, element});
  for (const auto& clause : clauses) {
    raise_height(node, clause.target);
    raise_height(node, clause.subject);
  }
  return node;
}

Expr* Parser::call(Expr* function) {
  auto* node = make<CallExpr>(function->span.begin, token().span.begin);
  next();
  std::vector<Argument> arguments;
  while (!is(")") && !failed()) {
    Position begin = token().span.begin;
    Argument argument{ArgumentKind::kPositional, {}, nullptr, {begin, begin}};
    if (accept("**"))
      argument.kind = ArgumentKind::kKwargs;
    else if (accept("*"))
      argument.kind = ArgumentKind::kArgs;
    else if (is(TokenKind::kIdentifier) && at_ + 1 < tokens_.size() && tokens_[at_ + 1].is("=")) {
      argument.kind = ArgumentKind::kNamed;
      argument.name = token().text;
      next();
      next();
    }
    argument.value = test();
    if (is("=") && argument.kind == ArgumentKind::kPositional && !failed())
      error(token().span, "keyword argument must have form name=expr");
    if (is("for") && !failed())
      error(token().span, "got for, want ','", std::string(kNoGenerators));
    argument.span.end = previous().span.end;
    arguments.push_back(argument);
    if (is(")") || is(TokenKind::kEnd) || !expect(",", "or ')' after an argument")) break;
  }
  expect(")", "at the end of the arguments");
  node->function = function;
  node->arguments = arena_.copy(arguments);
  finish(node, {function});
  for (const auto& argument : arguments) raise_height(node, argument.value);
  return node;
}

Expr* Parser::subscript(Expr* object) {
  Position begin = object->span.begin, at = token().span.begin;
  next();
  Expr* parts[3] = {nullptr, nullptr, nullptr};
  int colons = 0;
  if (!is(":")) parts[0] = expression(Tuples::kBare);
  while (colons < 2 && accept(":")) {
    ++colons;
    if (!is(":") && !is("]")) parts[colons] = test();
  }
  expect("]", "at the end of an index");
  if (colons == 0) {
    auto* node = make<IndexExpr>(begin, at);
    node->object = object;
    node->index = parts[0];
    return finish(node, {object, parts[0]});
  }
  auto* node = make<SliceExpr>(begin, at);
  node->object = object;
  node->start = parts[0];
  node->stop = parts[1];
  node->step = parts[2];
  return finish(node, {object, parts[0], parts[1], parts[2]});
}

}  // namespace mishap::starlark
