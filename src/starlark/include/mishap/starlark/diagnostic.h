// Errors in Starlark programs, and how people see them.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/source_pos.h"

namespace mishap::starlark {

enum class DiagnosticKind { kSyntax, kResolve, kEvaluation };

/// One active call, outermost first in a stack. Built-in functions have no position.
struct StackFrame {
  std::string function;  ///< "<toplevel>" for a file's own code, "lambda" for lambdas
  SourcePos pos;         ///< the point reached
};

struct Diagnostic {
  DiagnosticKind kind = DiagnosticKind::kSyntax;
  SourcePos
      pos;  ///< the point to look at; of an evaluation error, that of the innermost Starlark frame
  int end_line =
      0;  ///< with end_column, where the marked range ends (exclusive); 0: mark one character
  int end_column = 0;
  std::string message;  ///< lower case, without position
  std::string hint;     ///< what to do about it; "" when nothing is known
  /// What the reference implementation says there, where `message` says it in words of its own: for
  /// patterns written for that one. "" elsewhere.
  std::string reference;
  std::vector<StackFrame> stack;  ///< of an evaluation error

  /// "file:line:col: message (hint)", the form in which programs and logs see it.
  std::string text() const;
};

/// The texts of files, to show lines from. Files are told apart by the name they were parsed under.
class Sources {
 public:
  void add(std::string file, std::string text);
  /// Without the line's end; empty when unknown.
  std::string_view line(const std::string& file, int number) const;

 private:
  std::map<std::string, std::string> texts_;
};

struct RenderStyle {
  bool color = false;                ///< ANSI escape sequences
  bool traceback = true;             ///< the call stack of evaluation errors
  std::string_view level = "error";  ///< the word before the message
};

/// "Traceback (most recent call last):\n  file:line:col: in name\n…Error in name: message", the
/// classic form without source. The last line is "Error: message" unless the innermost frame is a
/// built-in function.
std::string traceback(const Diagnostic& diagnostic);

/// For a person at a terminal, ending in a newline:
///   spec.star:3:7: error: undefined: srevice
///      3 | api = srevice("api")
///        |       ^~~~~~~
///      help: did you mean service?
/// Evaluation errors are preceded by their traceback. Lines that `sources` does not know are left
/// out.
std::string render(const Diagnostic& diagnostic, const Sources& sources,
                   const RenderStyle& style = {});
/// All of them, in the order given, separated by empty lines.
std::string render(std::span<const Diagnostic> diagnostics, const Sources& sources,
                   const RenderStyle& style = {});

}  // namespace mishap::starlark
