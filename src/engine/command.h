// Running a program to its end, for preparation. Uses fork; the reaper of a cell plays no part.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "mishap/base/result.h"

namespace mishap::engine {

/// Whom to become. Only root can; an ordinary user runs commands as itself.
struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Command {
  std::vector<std::string> argv;                         ///< argv[0] is a path
  std::vector<std::pair<std::string, std::string>> env;  ///< whole environment
  std::string cwd = "/";
  std::optional<RunAs> run_as;  ///< ignored unless root. The user gets a passwd line of its own,
                                ///< which initdb asks for.
};

struct CommandOutput {
  int exit_code = 0;  ///< 128 + signal when killed
  std::string text;   ///< standard output and standard error, interleaved
};

/// Blocks until the program and everything that holds its output has ended. Error: it could not be
/// started.
Result<CommandOutput> run_command(const Command& command);

}  // namespace mishap::engine
