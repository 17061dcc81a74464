// mishap starlark run | test | repl
#include "mishap/starlark/starlark.h"

#include <iostream>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/starlark/conformance.h"
#include "mishap/starlark/diagnostic.h"

#include "commands.h"
#include "repl.h"
#include "script_files.h"

namespace mishap::cli {
namespace {

starlark::Dialect dialect_of(const StarlarkOptions& options) {
  starlark::Dialect dialect;
  dialect.allow_recursion = options.recursion;
  dialect.allow_while = options.allow_while;
  dialect.allow_set = options.set;
  dialect.allow_global_reassign = options.global_reassign;
  dialect.allow_top_level_control = options.top_level_control;
  return dialect;
}

// What a script may use before it is ended, lest it take the machine along.
constexpr uint64_t kMemoryBytes = uint64_t{2} << 30;

void install(starlark::Interpreter& interpreter) {
  auto& heap = interpreter.heap();
  heap.set_limit(kMemoryBytes);
  interpreter.predeclare("json", starlark::make_json_module(heap));
  interpreter.predeclare("math", starlark::make_math_module(heap));
  interpreter.predeclare("time", starlark::make_time_module(heap));
  interpreter.predeclare("struct", starlark::make_struct_function(heap));
  interpreter.print = [](starlark::Thread&, std::string_view line) { std::cout << line << "\n"; };
}

int run_file(const StarlarkOptions& options) {
  if (options.files.size() != 1) return report_error("mishap starlark run takes one file");
  const std::string& file = options.files[0];
  ScriptFiles files;
  auto source = files.read(file);
  if (!source) return report_error(source.error().message);
  starlark::Interpreter interpreter(dialect_of(options));
  install(interpreter);
  interpreter.set_loader(&files);
  starlark::Thread thread(interpreter);
  auto module = interpreter.execute(thread, *source);
  if (module) return 0;
  const starlark::RenderStyle style{.color = has_colour(STDERR_FILENO)};
  auto problems = interpreter.check(*source);
  if (module.error().kind != starlark::DiagnosticKind::kEvaluation && !problems.empty()) {
    std::cerr << starlark::render(problems, files.sources(), style);
  } else {
    std::cerr << starlark::render(module.error(), files.sources(), style);
  }
  return 1;
}

int run_conformance_files(const StarlarkOptions& options) {
  if (options.files.empty()) return report_error("mishap starlark test takes files");
  starlark::ConformanceReport total;
  for (const auto& file : options.files) {
    auto text = read_script(file);
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
  if (!options.files.empty()) return report_error("mishap starlark repl takes no file");
  starlark::Dialect dialect = dialect_of(options);
  dialect.allow_global_reassign = true;
  dialect.allow_top_level_control = true;
  ScriptFiles files;
  starlark::Interpreter interpreter(dialect);
  install(interpreter);
  interpreter.set_loader(&files);
  return run_repl(interpreter);
}

}  // namespace

int run_starlark(const StarlarkOptions& options) {
  if (options.mode == "run") return run_file(options);
  if (options.mode == "test") return run_conformance_files(options);
  return prompt(options);
}

}  // namespace mishap::cli
