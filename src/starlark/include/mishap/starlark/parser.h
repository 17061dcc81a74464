// From text to a syntax tree.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/starlark/ast.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/dialect.h"

namespace mishap::starlark {

struct ParseOutcome {
  std::unique_ptr<ast::Module> module;  ///< null when there are errors
  std::vector<Diagnostic>
      diagnostics;  ///< syntax errors in the order of the text, at most kMaxSyntaxErrors
};
inline constexpr size_t kMaxSyntaxErrors = 20;

/// Parses a whole file. Any bytes are acceptable input; `file` is only used in messages.
/// What a dialect forbids is mostly the resolver's to say.
/// `first_line` is the number of the text's first line.
ParseOutcome parse(std::string file, std::string_view text, const Dialect& dialect,
                   int first_line = 1);

/// Parses one expression (which may span lines): a module whose top level is a single ReturnStmt.
ParseOutcome parse_expression(std::string file, std::string_view text, const Dialect& dialect,
                              int first_line = 1);

/// Whether `text`, typed at a prompt, is the beginning of something longer: an open bracket or
/// triple quote, a backslash at the end, or a compound statement whose block has not been ended by
/// an empty line.
bool wants_more(std::string_view text);

}  // namespace mishap::starlark
