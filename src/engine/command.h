// Running a program to its end, to ask it something or to have it prepare files.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::engine {

struct Command {
  std::vector<std::string> argv;                         ///< argv[0] is a path
  std::vector<std::pair<std::string, std::string>> env;  ///< whole environment
  std::string cwd = "/";
  /// Readable: end the program and fail with "interrupted" (ECANCELED). -1: nothing interrupts.
  int interrupt_fd = -1;
};

/// What a program that prepares files may see and do of the host.
struct Confinement {
  std::filesystem::path writes;                ///< the one directory that it may write
  std::vector<std::filesystem::path> visible;  ///< must be reachable, whatever their parents' modes
};

struct CommandOutput {
  int exit_code = 0;  ///< 128 + signal when killed
  std::string text;   ///< standard output and standard error, interleaved
};

/// Blocks until the program and everything that holds its output has ended. Error: it could not be
/// started.
Result<CommandOutput> run_command(const Command& command);

/// The same in a cell of its own, as the user that cells run as: /tmp and the network are private,
/// and whatever it leaves running ends with it, or with the caller, even when that is killed. The
/// caller must have one thread.
Result<CommandOutput> run_confined(const Command& command, const Confinement& confinement);

}  // namespace mishap::engine
