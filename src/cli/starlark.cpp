// mishap starlark run | test | repl
#include "mishap/starlark/starlark.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/starlark/conformance.h"
#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/parser.h"

#include "commands.h"

namespace mishap::cli {
namespace {

starlark::Dialect dialect_of(const StarlarkOptions& options) {
  starlark::Dialect dialect;
  dialect.allow_recursion = options.recursion;
  dialect.allow_while = options.allow_while;
  dialect.allow_global_reassign = options.global_reassign;
  dialect.allow_top_level_control = options.top_level_control;
  return dialect;
}

Result<std::string> read_text(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fail(fmt::format("cannot read {}: it is a directory", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail_errno(fmt::format("cannot read {}", path), errno);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void install(starlark::Interpreter& interpreter) {
  auto& heap = interpreter.heap();
  interpreter.predeclare("json", starlark::make_json_module(heap));
  interpreter.predeclare("math", starlark::make_math_module(heap));
  interpreter.predeclare("time", starlark::make_time_module(heap));
  interpreter.predeclare("struct", starlark::make_struct_function(heap));
  interpreter.print = [](starlark::Thread&, std::string_view line) { std::cout << line << "\n"; };
}

int run_file(const StarlarkOptions& options) {
  if (options.files.size() != 1) return report_error("mishap starlark run takes one file");
  auto text = read_text(options.files[0]);
  if (!text) return report_error(text.error().message);
  starlark::Interpreter interpreter(dialect_of(options));
  install(interpreter);
  starlark::Thread thread(interpreter);
  starlark::Sources sources;
  sources.add(options.files[0], *text);
  auto module = interpreter.execute(thread, {options.files[0], *text});
  if (module) return 0;
  auto problems = interpreter.check({options.files[0], *text});
  if (module.error().kind != starlark::DiagnosticKind::kEvaluation && !problems.empty()) {
    std::cerr << starlark::render(problems, sources);
  } else {
    std::cerr << starlark::render(module.error(), sources);
  }
  return 1;
}

int run_conformance_files(const StarlarkOptions& options) {
  if (options.files.empty()) return report_error("mishap starlark test takes files");
  starlark::ConformanceReport total;
  for (const auto& file : options.files) {
    auto text = read_text(file);
    if (!text) return report_error(text.error().message);
    auto report = starlark::run_conformance(file, *text);
    for (const auto& failure : report.failures)
      std::cout << fmt::format("{}:{}: {}\n", file, failure.line, failure.message);
    total.add(std::move(report));
  }
  std::cout << fmt::format("{} passed, {} failed\n", total.passed, total.failed);
  return total.failed == 0 ? 0 : 1;
}

int prompt(const StarlarkOptions& options) {
  starlark::Dialect dialect = dialect_of(options);
  dialect.allow_global_reassign = true;
  dialect.allow_top_level_control = true;
  starlark::Interpreter interpreter(dialect);
  install(interpreter);
  starlark::Thread thread(interpreter);
  starlark::Names names;
  std::string input, line;
  bool terminal = isatty(STDIN_FILENO) != 0;
  while (true) {
    if (terminal) std::cout << (input.empty() ? ">>> " : "... ") << std::flush;
    if (!std::getline(std::cin, line)) break;
    input += line + "\n";
    if (!line.empty() && starlark::wants_more(input.substr(0, input.size() - 1))) continue;
    starlark::SourceText source{"<input>", input};
    starlark::Sources sources;
    sources.add("<input>", input);
    starlark::ExecuteOptions with_names;
    with_names.extra = &names;
    with_names.freeze = false;
    bool expression = starlark::parse_expression("<input>", input, dialect).module != nullptr;
    if (expression) {
      auto value = interpreter.evaluate(thread, source, with_names);
      if (!value)
        std::cerr << starlark::render(value.error(), sources);
      else if (!value->is_none())
        std::cout << starlark::repr(*value) << "\n";
    } else if (auto module = interpreter.execute(thread, source, with_names); !module) {
      std::cerr << starlark::render(module.error(), sources);
    } else {
      for (const auto& global : (*module)->globals()) names[global.name] = global.value;
    }
    input.clear();
  }
  return 0;
}

}  // namespace

int run_starlark(const StarlarkOptions& options) {
  if (options.mode == "run") return run_file(options);
  if (options.mode == "test") return run_conformance_files(options);
  return prompt(options);
}

}  // namespace mishap::cli
