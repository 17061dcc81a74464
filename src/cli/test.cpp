// mishap test
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/report/console.h"
#include "mishap/report/junit.h"
#include "mishap/report/trace_json.h"
#include "mishap/run/runner.h"
#include "mishap/spec/spec.h"

#include "commands.h"
#include "preparation.h"

namespace mishap::cli {
namespace {

/// Documents must not overwrite each other, or what the run is about.
Result<void> separate_documents(const TestOptions& options, const spec::Spec& spec) {
  auto same = [](const std::string& one, const std::string& other) {
    std::error_code ignored;
    return !one.empty() && !other.empty() &&
           (std::filesystem::absolute(one).lexically_normal() ==
                std::filesystem::absolute(other).lexically_normal() ||
            std::filesystem::equivalent(one, other, ignored));
  };
  if (same(options.output, options.junit))
    return fail(fmt::format("--output and --junit name the same file, {}", options.output));
  for (const auto& [flag, file] :
       {std::pair("--output", options.output), std::pair("--junit", options.junit)}) {
    for (const auto& [read, content] : spec.files()) {
      if (same(file, read))
        return fail(fmt::format("{} \"{}\" would overwrite the spec", flag, file));
    }
  }
  return {};
}

void print_dry_run(const spec::Spec& spec, const std::vector<spec::TestInfo>& tests) {
  std::cout << "Dry-run: loaded " << spec.path().string()
            << "\nServices: " << spec.services().size() << "\n";
  for (const auto& service : spec.services()) std::cout << "  - " << service.name << "\n";
  std::cout << "Tests: " << tests.size() << "\n";
  size_t cells = 0;
  for (const auto& test : tests) {
    std::cout << "  - " << test.name << "\n";
    cells += test.kind == "matrix" ? 1 : 0;
  }
  if (cells > 0) std::cout << "Fault matrix cells: " << cells << "\n";
}

report::ConsoleOptions console_options(const TestOptions& options, int fd) {
  report::ConsoleOptions console;
  console.live = is_capable_terminal(fd) && !options.verbose;
  console.colour = has_colour(fd);
  console.only_failures = options.only_failures;
  return console;
}

Result<void> write_documents(const TestOptions& options, const report::TraceJson& trace,
                             const report::Junit& junit) {
  if (options.json) {
    MISHAP_TRY(trace.write([](std::string_view text) -> Result<void> {
      if (!(std::cout << text << std::flush))
        return fail("cannot write the trace document to stdout");
      return {};
    }));
  }
  if (!options.output.empty()) {
    MISHAP_TRY(report::write_file(options.output,
                                  [&](const report::Write& write) { return trace.write(write); }));
  }
  if (!options.junit.empty()) MISHAP_TRY(report::write_file(options.junit, junit.document()));
  return {};
}

}  // namespace

int run_test(const TestOptions& options) {
  std::string path = spec_path(options.spec);
  if (path.empty()) return 1;
  auto loaded = load_spec(path);
  if (!loaded) return 1;
  if (auto separate = separate_documents(options, *loaded); !separate)
    return report_error(separate.error().message);
  auto tests = select_tests(*loaded, options.tests);
  if (!tests) return report_error(tests.error().message);
  if (options.dry_run) {
    print_dry_run(*loaded, *tests);
    return 0;
  }
  if (tests->empty())
    return report_error(path + " declares no tests: add scenario(f), or a function test_…()");
  auto prepared = run_options(options, path);
  if (!prepared) return report_error(prepared.error().message);
  warn_of_unused_images(options, *loaded);
  run::RunOptions run = std::move(*prepared);
  run.tests = std::move(*tests);

  int fd = options.json ? STDERR_FILENO : STDOUT_FILENO;
  std::ostream& human = options.json ? std::cerr : std::cout;
  report::Console console([&human](std::string_view text) { human << text << std::flush; },
                          console_options(options, fd));
  report::TraceJson trace;
  report::Junit junit;
  std::vector<event::RunObserver*> observers = {&console};
  if (options.json || !options.output.empty()) observers.push_back(&trace);
  if (!options.junit.empty()) observers.push_back(&junit);
  auto outcome = run::run(*loaded, run, observers);
  if (!outcome) return report_error(outcome.error().message);
  if (auto written = write_documents(options, trace, junit); !written)
    return report_error(written.error().message);
  if (outcome->interrupted) return 130;
  return event::exit_code(outcome->verdicts, options.strict || outcome->required_fault_missed);
}

}  // namespace mishap::cli
