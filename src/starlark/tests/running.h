// An interpreter to try code in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "mishap/starlark/starlark.h"

namespace mishap::starlark::testing_support {

inline Dialect everything() {
  Dialect dialect;
  dialect.allow_while = true;
  dialect.allow_top_level_control = true;
  dialect.allow_global_reassign = true;
  dialect.allow_recursion = true;
  return dialect;
}

struct Running {
  explicit Running(Dialect dialect = everything()) : interpreter(dialect), thread(interpreter) {
    interpreter.print = [this](Thread&, std::string_view line) { printed.emplace_back(line); };
  }

  /// repr of the global `result` after the text ran, or "error: " and "line:column: message".
  std::string result(std::string_view text) {
    const ModuleOutcome module = interpreter.execute(thread, {"f.star", std::string(text)});
    if (!module) return describe(module.error());
    return repr((*module)->global("result"));
  }
  /// repr of an expression's value, or the error.
  std::string value(std::string_view text) {
    const Outcome outcome = interpreter.evaluate(thread, {"f.star", std::string(text)});
    return outcome ? repr(*outcome) : describe(outcome.error());
  }
  /// The message only, "" when there was none.
  std::string error(std::string_view text) {
    const ModuleOutcome module = interpreter.execute(thread, {"f.star", std::string(text)});
    return module ? "" : module.error().message;
  }
  LoadedModule* module(std::string_view text) {
    const ModuleOutcome module = interpreter.execute(thread, {"f.star", std::string(text)});
    return module ? *module : nullptr;
  }
  static std::string describe(const EvalError& error) {
    return fmt::format("error: {}:{}: {}", error.pos.line, error.pos.column, error.message);
  }

  Interpreter interpreter;
  Thread thread;
  std::vector<std::string> printed;
};

}  // namespace mishap::starlark::testing_support
