// Reads the command line. The only file that sees CLI11, which is slow to compile.
#include "mishap/cli/cli.h"

#include <algorithm>
#include <iostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mishap/base/text.h"

#include "commands.h"

namespace mishap::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  mishap check spec.star                              load and validate, start nothing
  mishap test spec.star --image my-api:latest=./api   run every test
  mishap test spec.star --test create_user --seed 42  one test, reproducibly
  mishap doctor                                       what this machine can do)";

struct Parsed {
  TestOptions test;
  CheckOptions check;
  StarlarkOptions starlark;
  std::string test_format = "text", check_format = "text", show = "all";
};

void add_test(CLI::App& app, Parsed& parsed) {
  TestOptions& options = parsed.test;
  auto* command = app.add_subcommand("test", "Run the tests of a spec");
  command->add_option("SPEC", options.spec,
                      "The spec (default: ./mishap.star, then ./faultbox.star)");
  command
      ->add_option("--test", options.tests,
                   "Run only these: a name with or without test_, a glob, or ~REGEX")
      ->type_name("PATTERN")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--seed", options.seed, "Seed of everything random")->type_name("N");
  command
      ->add_option("--runs", options.runs, "Run each test so often; stop it at its first failure")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_option("--jobs,-j", options.jobs, "Cells at a time (default: the cores)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_option("--image", options.images, "The program that stands for an image")
      ->type_name("NAME=PROGRAM")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--output", options.output, "Write the trace document (JSON) here")
      ->type_name("FILE");
  command
      ->add_option("--format", parsed.test_format,
                   "json: the trace document on stdout, all else on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json");
  command->add_option("--junit", options.junit, "Write JUnit XML here")->type_name("FILE");
  command->add_option("--show", parsed.show, "fail: list only the tests that failed")
      ->check(CLI::IsMember({"all", "fail", "failures"}))
      ->type_name("all|fail");
  command->add_flag("--dry-run", options.dry_run, "Load, count, stop");
  command->add_flag("--keep", options.keep, "Keep what the services of each cell wrote");
  command->add_flag("--strict", options.strict, "Vacuous tests count as failed");
  command->add_flag("--verbose,-v", options.verbose, "Show what the services print");
}

void add_starlark(CLI::App& app, Parsed& parsed) {
  StarlarkOptions& options = parsed.starlark;
  auto* command = app.add_subcommand("starlark", "The spec language by itself");
  command->add_option("MODE", options.mode, "run FILE, test FILE…, or repl")
      ->required()
      ->check(CLI::IsMember({"run", "test", "repl"}));
  command->add_option("FILE", options.files, "Files");
  command->add_flag("--recursion", options.recursion, "Allow recursion");
  command->add_flag("--while", options.allow_while, "Allow while loops");
  command->add_flag("--set", options.set, "Allow set()");
  command->add_flag("--global-reassign", options.global_reassign, "Allow binding globals again");
  command->add_flag("--top-level-control", options.top_level_control,
                    "Allow if and for outside functions");
}

/// CLI11's own text, with the nearest known word where one was mistyped.
int usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string message = error.what();
  std::vector<std::string> known;
  const CLI::App* scope = &app;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(command->get_name());
    if (argc > 1 && command->get_name() == argv[1]) scope = command;
  }
  if (scope == &app && argc > 1 && argv[1][0] != '-') {
    return report_error(fmt::format("unknown command \"{}\"{}\nknown are {}; see mishap --help",
                                    argv[1], did_you_mean(argv[1], known), join(known, ", ")));
  }
  std::vector<std::string> flags;
  for (const auto* option : scope->get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (int i = 1; i < argc; ++i) {
    std::string word(argv[i]);
    word = word.substr(0, word.find('='));
    if (word.starts_with("--") && std::find(flags.begin(), flags.end(), word) == flags.end()) {
      return report_error(fmt::format("unknown option {}{}; see mishap {}--help", word,
                                      did_you_mean(word, flags),
                                      scope == &app ? "" : scope->get_name() + " "));
    }
  }
  return report_error(message);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tests how distributed services behave under faults.", "mishap");
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("mishap {}", kVersion));
  app.require_subcommand(1);
  app.fallthrough();
  Parsed parsed;
  add_test(app, parsed);
  auto* check = app.add_subcommand("check", "Load and validate a spec without starting anything");
  check->add_option("SPEC", parsed.check.spec,
                    "The spec (default: ./mishap.star, then ./faultbox.star)");
  check->add_option("--format", parsed.check_format, "Form of the messages")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json");
  app.add_subcommand("doctor", "Say what this machine can do and what is missing");
  add_starlark(app, parsed);
  app.add_subcommand("version", "Print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, argc, argv);
  }
  parsed.test.json = parsed.test_format == "json";
  parsed.check.json = parsed.check_format == "json";
  parsed.test.only_failures = parsed.show != "all";
  std::string command = app.get_subcommands().front()->get_name();
  if (command == "test") return run_test(parsed.test);
  if (command == "check") return run_check(parsed.check);
  if (command == "doctor") return run_doctor();
  if (command == "starlark") return run_starlark(parsed.starlark);
  std::cout << "mishap " << kVersion << "\n";
  return 0;
}

}  // namespace mishap::cli
