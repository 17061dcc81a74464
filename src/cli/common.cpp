#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <unistd.h>

#include "commands.h"

namespace mishap::cli {

const char* const kVersion = MISHAP_VERSION;

bool is_capable_terminal(int fd) {
  const char* terminal = std::getenv("TERM");
  return isatty(fd) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool has_colour(int fd) { return is_capable_terminal(fd) && std::getenv("NO_COLOR") == nullptr; }

int report_error(const std::string& message) {
  std::cerr << "error: " << message << "\n";
  return 1;
}

std::string spec_path(const std::string& given) {
  std::error_code ignored;
  bool directory = given.empty() || std::filesystem::is_directory(given, ignored);
  if (!directory) return given;
  for (const char* name : {"mishap.star", "faultbox.star"}) {
    auto path = std::filesystem::path(given) / name;
    if (std::filesystem::is_regular_file(path, ignored)) return path.string();
  }
  report_error(given.empty()
                   ? "no spec is named, and there is neither ./mishap.star nor ./faultbox.star"
                   : given + " is a directory with neither mishap.star nor faultbox.star");
  return "";
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace mishap::cli
