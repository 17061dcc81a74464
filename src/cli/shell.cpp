// mishap shell
#include "mishap/run/shell.h"

#include <iostream>

#include <fmt/format.h>

#include "mishap/report/lines.h"

#include "arguments.h"
#include "commands.h"
#include "preparation.h"

namespace mishap::cli {
namespace {

constexpr size_t kListedCells = 20;
constexpr size_t kShownEvents = 12;
constexpr int kInterrupted = 130;

/// Exactly one: a shell can only be in one cell.
Result<std::vector<spec::TestInfo>> one_test(const spec::Spec& spec, const TestOptions& options) {
  MISHAP_ASSIGN(auto tests, select_tests(spec, options.tests));
  if (tests.size() == 1) return tests;
  if (tests.empty()) return fail("the spec declares no tests, so there is no cell to open");
  std::vector<std::string> names;
  for (const auto& test : tests) names.push_back(test.name);
  return fail(fmt::format("a shell is in one cell; say which with --test NAME: {}",
                          listed(names, kListedCells)));
}

/// What the faults did while the shell was open.
void print_faults(const event::TestResult& result) {
  for (const auto& fault : result.faults)
    std::cerr << "fault: " << report::fault_line(fault) << "\n";
  for (const auto& note : result.notes) std::cerr << "note: " << note << "\n";
  if (!result.kept.empty()) std::cerr << "kept: " << result.kept << "\n";
}

}  // namespace

int run_shell(const ShellOptions& options) {
  std::string path = spec_path(options.test.spec);
  if (path.empty()) return 1;
  auto spec = load_spec(path);
  if (!spec) return 1;
  auto tests = one_test(*spec, options.test);
  if (!tests) return report_error(tests.error().message);
  auto run = run_options(options.test, path);
  if (!run) return report_error(run.error().message);
  run->tests = std::move(*tests);
  auto outcome = run::open_shell(*spec, *run, options.command);
  if (!outcome) return report_error(outcome.error().message);
  if (outcome->interrupted) return kInterrupted;
  if (!outcome->exit_code) {
    std::cerr << report::failure_block(outcome->result, kShownEvents);
    return 1;
  }
  print_faults(outcome->result);
  return *outcome->exit_code;
}

}  // namespace mishap::cli
