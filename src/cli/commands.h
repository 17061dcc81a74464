// The commands: one file each. Options are plain values; what reads the command line is in cli.cpp
// alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mishap::cli {

extern const char* const kVersion;  ///< "0.1.0"

struct TestOptions {
  std::string spec;                ///< "" = mishap.star, then faultbox.star
  std::vector<std::string> tests;  ///< --test patterns; empty: all
  std::optional<uint64_t> seed;
  int runs = 1;
  int jobs = 0;                     ///< 0: the cores
  std::vector<std::string> images;  ///< NAME=PROGRAM, as given
  std::string output, junit;        ///< files, "" = none
  bool json = false;                ///< --format json
  bool only_failures = false;
  bool dry_run = false;
  bool keep = false;
  bool strict = false;
  bool verbose = false;
};
int run_test(const TestOptions& options);

struct ShellOptions {
  TestOptions test;  ///< spec, tests, seed, images, keep, verbose; the rest is unused
  std::vector<std::string> command;  ///< empty: the user's shell
};
int run_shell(const ShellOptions& options);

struct CheckOptions {
  std::string spec;
  bool json = false;
};
int run_check(const CheckOptions& options);

struct DoctorOptions {
  bool json = false;
};
int run_doctor(const DoctorOptions& options);

struct ProvisionOptions {
  std::string what;  ///< "kafka"
  bool offline = false;
};
int run_provision(const ProvisionOptions& options);

struct StarlarkOptions {
  std::string mode;  ///< run, test, repl
  std::vector<std::string> files;
  bool recursion = false, allow_while = false, set = false, global_reassign = false,
       top_level_control = false;
};
int run_starlark(const StarlarkOptions& options);

/// The spec that was named, or the first default one that exists. "" (and an error on stderr) when
/// there is none.
std::string spec_path(const std::string& given);
/// A terminal on which lines can be written over.
bool is_capable_terminal(int fd);
/// The same, and the user has not asked for less (NO_COLOR).
bool has_colour(int fd);
/// "error: …" on stderr; returns 1.
int report_error(const std::string& message);
/// A word for a shell, quoted when it needs to be.
std::string shell_word(const std::string& word);

}  // namespace mishap::cli
