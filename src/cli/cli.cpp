// Reads the command line. The only file that sees CLI11, which is slow to compile.
#include "mishap/cli/cli.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <optional>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "mishap/base/text.h"

#include "arguments.h"
#include "commands.h"

namespace mishap::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  mishap check spec.star                              load and validate, start nothing
  mishap test spec.star --image my-api:latest=./api   run every test
  mishap test spec.star --test create_user --seed 42  one test, reproducibly
  mishap shell spec.star --test create_user           a shell among its services and faults
  mishap doctor                                       what this machine can do)";

constexpr const char* kTestFooter = R"(Examples:
  mishap test                                    every test of ./mishap.star
  mishap test spec.star --image 'my-api=./api --port 80'
  mishap test spec.star --test '*_db_down'       every scenario without its database
  mishap test spec.star --test buy --runs 100 --show fail
  mishap test spec.star --junit results.xml      for a CI system

Exit code: 0 passed, 1 not run (usage, spec, this machine), 2 failed, 3 inconclusive,
130 interrupted.)";

constexpr const char* kShellFooter = R"(Examples:
  mishap shell spec.star --test matrix_buy_db_down  that cell, its faults on
  mishap shell spec.star --test buy -- psql -h db -U postgres
  echo 'curl -s localhost:8080/health' | mishap shell spec.star --test buy

Takes what mishap test takes to repeat a cell. The exit code is that of the shell or command;
1 when it could not be started.)";

constexpr const char* kProvisionFooter = R"(Examples:
  mishap provision kafka            for images confluentinc/cp-kafka, apache/kafka, bitnami/kafka
  mishap provision kafka --offline  from Maven's repository on this machine alone

Fetches what no distribution packages, with your own mvn and its settings, checks it against
checksums, and keeps it in the cache ($MISHAP_CACHE_DIR, else ~/.cache/mishap, for root
/var/cache/mishap). Exit code: 0 it is there, 1 it is not.)";

constexpr const char* kStarlarkFooter = R"(Examples:
  mishap starlark run script.star    run a script; print() goes to stdout
  mishap starlark test cases.star    chunks between ---, with ### "regex" where an error is due
  mishap starlark repl)";

/// Everything as typed; `understand` turns it into the options of the commands.
struct Parsed {
  TestOptions test;
  ShellOptions shell;
  CheckOptions check;
  DoctorOptions doctor;
  ProvisionOptions provision;
  StarlarkOptions starlark;
  std::string seed, runs = "1", jobs;
  std::string test_format = "text", check_format = "text", doctor_format = "text", show = "all";
};

constexpr const char* kSpecHelp =
    "The spec, or its directory (default: ./mishap.star, then ./faultbox.star)";

/// What picks and repeats a cell.
void add_cell_options(CLI::App& command, TestOptions& options, std::string& seed,
                      const char* test_help) {
  command.add_option("SPEC", options.spec, kSpecHelp)->type_name("");
  command.add_option("--test", options.tests, test_help)
      ->type_name("PATTERN")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--seed", seed, "Seed of everything random (default: the last one)")
      ->type_name("N");
  command
      .add_option("--image", options.images,
                  "The program that stands for an image; again for more images")
      ->type_name("NAME=PROGRAM")
      ->take_all()
      ->allow_extra_args(false);
}

/// Without it an empty name would mean that nothing is written.
const auto kNamesFile = [](const std::string& file) {
  return file.empty() ? std::string("the name is empty; name a file") : std::string();
};

void add_test(CLI::App& app, Parsed& parsed) {
  TestOptions& options = parsed.test;
  auto* command = app.add_subcommand("test", "Run the tests of a spec");
  command->footer(kTestFooter);
  add_cell_options(*command, options, parsed.seed,
                   "Only these: a name with or without test_, a glob, or ~REGEX; again for more");
  command->add_option("--runs", parsed.runs, "Run each test so often; stop it when it fails")
      ->type_name("N");
  command->add_option("-j,--jobs", parsed.jobs, "Cells at a time (default: the cores)")
      ->type_name("N");
  command->add_option("--output", options.output, "Write the trace document (JSON) here")
      ->type_name("FILE")
      ->check(kNamesFile);
  command
      ->add_option("--format", parsed.test_format,
                   "json: the trace document on stdout, all else on stderr")
      ->type_name("text|json");
  command->add_option("--junit", options.junit, "Write JUnit XML here")
      ->type_name("FILE")
      ->check(kNamesFile);
  command->add_option("--show", parsed.show, "fail: list only the tests that failed")
      ->type_name("all|fail");
  command->add_flag("--dry-run", options.dry_run, "Load the spec, list its tests, stop");
  command->add_flag("--keep", options.keep, "Keep what the services of each cell wrote");
  command->add_flag("--strict", options.strict, "A fault that never took effect fails its test");
  command->add_flag("-v,--verbose", options.verbose, "Show what the services print");
}

void add_shell(CLI::App& app, Parsed& parsed) {
  TestOptions& options = parsed.shell.test;
  auto* command =
      app.add_subcommand("shell", "Start a cell's services and faults, open a shell there");
  command->footer(kShellFooter);
  add_cell_options(*command, options, parsed.seed, "The cell: a pattern that fits one test");
  command->add_flag("--keep", options.keep, "Keep what the services wrote");
  command->add_flag("-v,--verbose", options.verbose, "Show what the services print");
  // A `repeat:` line may have it; it changes nothing here.
  command->add_flag("--strict", options.strict)->group("");
}

void add_check(CLI::App& app, Parsed& parsed) {
  auto* command = app.add_subcommand("check", "Load and validate a spec, start nothing");
  command->footer("Exit code: 0 fine, 1 errors.");
  command->add_option("SPEC", parsed.check.spec, kSpecHelp)->type_name("");
  command->add_option("--format", parsed.check_format, "Form of the findings")
      ->type_name("text|json");
}

void add_doctor(CLI::App& app, Parsed& parsed) {
  auto* command = app.add_subcommand("doctor", "Say what this machine can do and what is missing");
  command->footer("Exit code: 0 Mishap can run here, 1 it cannot.");
  command->add_option("--format", parsed.doctor_format, "Form of the findings")
      ->type_name("text|json");
}

void add_provision(CLI::App& app, Parsed& parsed) {
  auto* command = app.add_subcommand("provision", "Fetch a server that no distribution packages");
  command->footer(kProvisionFooter);
  command->add_option("WHAT", parsed.provision.what, "kafka")->type_name("")->required();
  command->add_flag("--offline", parsed.provision.offline, "Do not ask the network");
}

void add_starlark(CLI::App& app, Parsed& parsed) {
  StarlarkOptions& options = parsed.starlark;
  auto* command = app.add_subcommand("starlark", "The language of specs by itself");
  command->footer(kStarlarkFooter);
  command->add_option("MODE", options.mode, "run, test or repl")->type_name("")->required();
  command->add_option("FILE", options.files, "Scripts")->type_name("");
  command->add_flag("--recursion", options.recursion, "Allow recursion");
  command->add_flag("--while", options.allow_while, "Allow while loops");
  command->add_flag("--set", options.set, "Allow set(), which specs always may call");
  command->add_flag("--global-reassign", options.global_reassign, "Allow binding globals again");
  command->add_flag("--top-level-control", options.top_level_control,
                    "Allow if, for and while outside functions");
}

constexpr uint64_t kMostRuns = 1'000'000;
constexpr uint64_t kMostJobs = 1024;

Result<void> understand(const std::string& command, Parsed& parsed) {
  const std::vector<std::string> formats = {"text", "json"};
  if (!parsed.seed.empty()) {
    MISHAP_ASSIGN(parsed.test.seed,
                  number_argument("--seed", parsed.seed, 0, std::numeric_limits<uint64_t>::max()));
    parsed.shell.test.seed = parsed.test.seed;
  }
  if (command == "test") {
    TestOptions& test = parsed.test;
    MISHAP_ASSIGN(auto runs, number_argument("--runs", parsed.runs, 1, kMostRuns));
    test.runs = static_cast<int>(runs);
    if (!parsed.jobs.empty()) {
      MISHAP_ASSIGN(auto jobs, number_argument("--jobs", parsed.jobs, 1, kMostJobs));
      test.jobs = static_cast<int>(jobs);
    }
    MISHAP_ASSIGN(auto format, word_argument("--format", parsed.test_format, formats));
    test.json = format == "json";
    if (parsed.show == "failures") parsed.show = "fail";
    MISHAP_ASSIGN(auto show,
                  word_argument("--show", parsed.show, std::vector<std::string>{"all", "fail"}));
    test.only_failures = show == "fail";
    MISHAP_TRY(writable_argument("--output", test.output));
    MISHAP_TRY(writable_argument("--junit", test.junit));
  } else if (command == "check") {
    MISHAP_ASSIGN(auto format, word_argument("--format", parsed.check_format, formats));
    parsed.check.json = format == "json";
  } else if (command == "doctor") {
    MISHAP_ASSIGN(auto format, word_argument("--format", parsed.doctor_format, formats));
    parsed.doctor.json = format == "json";
  } else if (command == "starlark") {
    MISHAP_ASSIGN(parsed.starlark.mode,
                  word_argument("mishap starlark", parsed.starlark.mode,
                                std::vector<std::string>{"run", "test", "repl"}));
  }
  return {};
}

/// The command that the user was writing: nullptr when there is none of that name.
const CLI::App* command_of(const CLI::App& app, const std::vector<std::string>& words) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!words.empty() && command->get_name() == words.front()) return command;
  }
  return nullptr;
}

std::optional<std::string> unknown_flag(const CLI::App& scope,
                                        const std::vector<std::string>& words) {
  std::vector<std::string> known, letters;
  for (const auto* option : scope.get_options()) {
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
    for (const auto& name : option->get_snames()) letters.push_back("-" + name);
  }
  auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  for (std::string word : words) {
    word = word.substr(0, word.find('='));
    if (word.size() < 2 || word[0] != '-') continue;
    if (word.starts_with("--") ? among(known, word) : among(letters, word.substr(0, 2))) continue;
    return fmt::format("unknown option \"{}\"{}", word, did_you_mean(word, known));
  }
  return std::nullopt;
}

int unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    known.push_back(one->get_name());
  }
  return report_error(fmt::format("unknown command \"{}\"{}\nknown are {}; see mishap --help", word,
                                  did_you_mean(word, known), join(known, ", ")));
}

/// A usage error in our own words: the parser's speak of its own terms, without a suggestion.
int usage_error(const CLI::App& app, const CLI::ParseError& error,
                const std::vector<std::string>& words) {
  const CLI::App* command = command_of(app, words);
  if (command == nullptr && !words.empty() && words.front()[0] != '-') {
    return unknown_command(app, words.front());
  }
  std::string see = command == nullptr ? "see mishap --help"
                                       : fmt::format("see mishap {} --help", command->get_name());
  std::string message = error.what();
  if (auto flag = unknown_flag(command == nullptr ? app : *command, words)) {
    message = *flag;
  } else if (error.get_name() == "ArgumentMismatch") {
    message = fmt::format("{} needs a value", message.substr(0, message.find(':')));
  } else if (error.get_name() == "RequiredError" && command != nullptr) {
    message = fmt::format("mishap {}: write {}", command->get_name(),
                          command->get_name() == "provision" ? "kafka" : "run, test or repl");
  } else if (error.get_exit_code() == int(CLI::ExitCodes::ExtrasError)) {
    message = "too many arguments: " + message.substr(message.find(": ") + 2);
  }
  return report_error(message + "\n" + see);
}

/// `mishap` alone and `mishap help [COMMAND]` ask for help as well.
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (words.empty()) return {"--help"};
  if (words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

/// Takes what is behind `--` from the words of `mishap shell`: it is a command of its own.
std::vector<std::string> take_shell_command(std::vector<std::string>& words) {
  auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes == words.end() || words.front() != "shell") return {};
  std::vector<std::string> command(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return command;
}

int run_command(const std::string& command, const Parsed& parsed) {
  if (command == "test") return run_test(parsed.test);
  if (command == "shell") return run_shell(parsed.shell);
  if (command == "check") return run_check(parsed.check);
  if (command == "doctor") return run_doctor(parsed.doctor);
  if (command == "provision") return run_provision(parsed.provision);
  if (command == "starlark") return run_starlark(parsed.starlark);
  std::cout << "mishap " << kVersion << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tests how distributed services behave under faults.", "mishap");
  app.footer(kFooter);
  app.set_version_flag("--version", fmt::format("mishap {}", kVersion), "Print the version");
  app.require_subcommand(1);
  Parsed parsed;
  add_test(app, parsed);
  add_shell(app, parsed);
  add_check(app, parsed);
  add_doctor(app, parsed);
  add_provision(app, parsed);
  add_starlark(app, parsed);
  app.add_subcommand("version", "Print the version");
  for (auto* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    one->set_help_flag("-h,--help", "Print this help");
  }
  app.set_help_flag("-h,--help", "Print this help");
  std::vector<std::string> words = words_of(argc, argv);
  parsed.shell.command = take_shell_command(words);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // taken from the back
  } catch (const CLI::CallForHelp& help) {
    // `mishap help tets` must not answer as if nothing had been asked.
    if (command_of(app, words) == nullptr && words.front()[0] != '-')
      return unknown_command(app, words.front());
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, words);
  }
  std::string command = app.get_subcommands().front()->get_name();
  if (auto understood = understand(command, parsed); !understood) {
    return report_error(understood.error().message);
  }
  return run_command(command, parsed);
}

}  // namespace mishap::cli
