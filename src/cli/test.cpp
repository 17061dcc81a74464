// mishap test
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/random.h"
#include "mishap/base/text.h"
#include "mishap/engine/config.h"
#include "mishap/report/console.h"
#include "mishap/report/junit.h"
#include "mishap/report/trace_json.h"
#include "mishap/run/runner.h"
#include "mishap/spec/spec.h"

#include "arguments.h"
#include "commands.h"

namespace mishap::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kListedTests = 20;

struct Seed {
  uint64_t value;
  std::string origin;
};

/// The last seed is kept beside the spec, so that a run can be repeated without noting it down.
/// Where that cannot be, nobody is told.
Seed choose_seed(const TestOptions& options, const fs::path& spec) {
  if (options.seed) return {*options.seed, "cli"};
  fs::path directory = fs::absolute(spec).parent_path() / ".mishap";
  fs::path file = directory / "last-seed";
  uint64_t cached = 0;
  if (std::ifstream in(file); in >> cached) return {cached, "cached"};
  Seed seed{random_seed(), "generated"};
  std::error_code ignored;
  fs::create_directories(directory, ignored);
  (void)report::write_file(file, fmt::format("{}\n", seed.value));
  return seed;
}

Result<std::vector<spec::TestInfo>> select(const spec::Spec& spec, const TestOptions& options) {
  if (options.tests.empty()) return spec.tests();
  std::vector<spec::TestInfo> selected;
  for (const auto& pattern : options.tests) {
    auto some = run::select_tests(spec.tests(), pattern);
    if (some.empty()) {
      std::vector<std::string> names;
      for (const auto& test : spec.tests()) names.push_back(test.name);
      std::string wanted = pattern.starts_with("test_") ? pattern : "test_" + pattern;
      return fail(fmt::format("no test matches \"{}\"{}\nthere are {}", pattern,
                              did_you_mean(wanted, names), listed(names, kListedTests)));
    }
    selected.insert(selected.end(), some.begin(), some.end());
  }
  std::sort(selected.begin(), selected.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  selected.erase(std::unique(selected.begin(), selected.end(), same), selected.end());
  return selected;
}

Result<engine::EngineOptions> engine_options(const TestOptions& options, const fs::path& spec) {
  engine::EngineOptions engine;
  engine.spec_dir = fs::absolute(spec).parent_path();
  engine.cache_dir = engine::default_cache_dir();
  engine.keep = options.keep;
  MISHAP_ASSIGN(auto config, engine::find_config(engine.spec_dir));
  engine.images = config.images;
  engine.images_dir = config.file.parent_path();
  for (const auto& text : options.images) {
    MISHAP_ASSIGN(auto mapped, engine::parse_image_option(text));
    engine.images[mapped.first] = mapped.second;
  }
  return engine;
}

std::string replay_prefix(const TestOptions& options, const std::string& spec) {
  std::string prefix = "mishap test " + shell_word(spec);
  for (const auto& image : options.images) prefix += " --image " + shell_word(image);
  if (options.strict) prefix += " --strict";
  return prefix;
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
  const char* terminal = std::getenv("TERM");
  bool capable = isatty(fd) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
  report::ConsoleOptions console;
  console.live = capable && !options.verbose;
  console.colour = capable && std::getenv("NO_COLOR") == nullptr;
  console.only_failures = options.only_failures;
  return console;
}

Result<void> write_documents(const TestOptions& options, const report::TraceJson& trace,
                             const report::Junit& junit) {
  std::string text;
  if (options.json || !options.output.empty()) {
    text = trace.document().dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  if (options.json && !(std::cout << text << std::flush)) {
    return fail("cannot write the trace document to stdout");
  }
  if (!options.output.empty()) MISHAP_TRY(report::write_file(options.output, text));
  if (!options.junit.empty()) MISHAP_TRY(report::write_file(options.junit, junit.document()));
  return {};
}

}  // namespace

int run_test(const TestOptions& options) {
  std::string path = spec_path(options.spec);
  if (path.empty()) return 1;
  auto loaded = spec::load(path);
  for (const auto& message : loaded.messages) {
    if (message.level != spec::LoadMessage::Level::info) std::cerr << message.rendered;
  }
  if (!loaded.spec) return 1;
  auto tests = select(*loaded.spec, options);
  if (!tests) return report_error(tests.error().message);
  if (options.dry_run) {
    print_dry_run(*loaded.spec, *tests);
    return 0;
  }
  if (tests->empty())
    return report_error(path + " declares no tests: add scenario(f), or a function test_…()");
  auto engine = engine_options(options, path);
  if (!engine) return report_error(engine.error().message);

  run::RunOptions run;
  run.tests = std::move(*tests);
  Seed seed = choose_seed(options, path);
  run.seed = seed.value;
  run.seed_origin = seed.origin;
  run.jobs = options.jobs > 0 ? options.jobs
                              : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  run.runs = options.runs;
  run.keep = options.keep;
  run.echo_output = options.verbose;
  run.engine = std::move(*engine);
  run.output_directory = (fs::absolute(path).parent_path() / ".mishap" / "output").string();
  run.tool_version = kVersion;
  run.replay_prefix = replay_prefix(options, path);

  int fd = options.json ? STDERR_FILENO : STDOUT_FILENO;
  std::ostream& human = options.json ? std::cerr : std::cout;
  report::Console console([&human](std::string_view text) { human << text << std::flush; },
                          console_options(options, fd));
  report::TraceJson trace;
  report::Junit junit;
  std::vector<event::RunObserver*> observers = {&console};
  if (options.json || !options.output.empty()) observers.push_back(&trace);
  if (!options.junit.empty()) observers.push_back(&junit);
  auto outcome = run::run(*loaded.spec, run, observers);
  if (!outcome) return report_error(outcome.error().message);
  if (auto written = write_documents(options, trace, junit); !written)
    return report_error(written.error().message);
  if (outcome->interrupted) return 130;
  return event::exit_code(outcome->verdicts, options.strict || outcome->required_fault_missed);
}

}  // namespace mishap::cli
