#include "preparation.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "mishap/base/random.h"
#include "mishap/base/text.h"
#include "mishap/engine/config.h"
#include "mishap/engine/native.h"
#include "mishap/report/trace_json.h"

#include "arguments.h"

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

Result<engine::EngineOptions> engine_options(const TestOptions& options, const fs::path& spec) {
  engine::EngineOptions engine;
  engine.spec_dir = fs::absolute(spec).parent_path();
  engine.cache_dir = engine::default_cache_dir();
  engine.keep = options.keep;
  MISHAP_ASSIGN(auto config, engine::find_config(engine.spec_dir));
  engine.images = config.images;
  engine.images_dir = config.file.parent_path();
  std::set<std::string> given;
  for (const auto& text : options.images) {
    MISHAP_ASSIGN(auto mapped, engine::parse_image_option(text));
    if (!given.insert(mapped.first).second)
      return fail(fmt::format("--image names {} twice", mapped.first));
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

}  // namespace

std::unique_ptr<spec::Spec> load_spec(const std::string& path) {
  auto loaded = spec::load(path);
  for (const auto& message : loaded.messages) {
    if (message.level != spec::LoadMessage::Level::info) std::cerr << message.rendered;
  }
  return std::move(loaded.spec);
}

Result<std::vector<spec::TestInfo>> select_tests(const spec::Spec& spec,
                                                 const std::vector<std::string>& patterns) {
  if (patterns.empty()) return spec.tests();
  std::vector<spec::TestInfo> selected;
  for (const auto& pattern : patterns) {
    if (std::string problem = run::pattern_problem(pattern); !problem.empty()) {
      return fail(
          fmt::format("--test \"{}\" {}; write a name, a glob such as \"*_db_down\", or ~REGEX",
                      pattern, problem));
    }
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

void warn_of_unused_images(const TestOptions& options, const spec::Spec& spec) {
  std::vector<std::string> names;
  for (const auto& service : spec.services()) {
    for (auto& name : engine::mapped_names(service)) names.push_back(std::move(name));
  }
  for (const auto& text : options.images) {
    std::string image = text.substr(0, text.find('='));
    bool used =
        std::any_of(spec.services().begin(), spec.services().end(),
                    [&](const auto& service) { return engine::mapping_serves(image, service); });
    if (used) continue;
    std::cerr << fmt::format("warning: --image {}: no service of {} has that image{}\n", image,
                             spec.path().string(), nearest_or_all(image, names));
  }
}

Result<run::RunOptions> run_options(const TestOptions& options, const std::string& spec) {
  run::RunOptions run;
  MISHAP_ASSIGN(run.engine, engine_options(options, spec));
  Seed seed = choose_seed(options, spec);
  run.seed = seed.value;
  run.seed_origin = seed.origin;
  run.jobs = options.jobs > 0 ? options.jobs
                              : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  run.runs = options.runs;
  run.keep = options.keep;
  run.echo_output = options.verbose;
  run.output_directory = (fs::absolute(spec).parent_path() / ".mishap" / "output").string();
  run.tool_version = kVersion;
  run.replay_prefix = replay_prefix(options, spec);
  return run;
}

}  // namespace mishap::cli
