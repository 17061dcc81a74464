// What commands that run cells do first: load the spec, choose tests, settle seed, jobs and images.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mishap/run/runner.h"
#include "mishap/spec/spec.h"

#include "commands.h"

namespace mishap::cli {

/// Loads and validates; errors and warnings go to stderr. Null when it cannot be used.
std::unique_ptr<spec::Spec> load_spec(const std::string& path);

/// The tests that `--test` patterns name, in order of names; all without patterns. Error: a pattern
/// names none; it says which there are.
Result<std::vector<spec::TestInfo>> select_tests(const spec::Spec& spec,
                                                 const std::vector<std::string>& patterns);

/// Warns on stderr of each `--image` that no service has any use for: mostly its name is misspelt.
void warn_of_unused_images(const TestOptions& options, const spec::Spec& spec);

/// Everything of a run but its tests. Errors: a broken mishap.yaml, an `--image` without `=`.
Result<run::RunOptions> run_options(const TestOptions& options, const std::string& spec);

}  // namespace mishap::cli
