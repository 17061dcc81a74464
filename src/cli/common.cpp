#include <filesystem>
#include <iostream>

#include "commands.h"

namespace mishap::cli {

int report_error(const std::string& message) {
  std::cerr << "error: " << message << "\n";
  return 1;
}

std::string spec_path(const std::string& given) {
  if (!given.empty()) return given;
  std::error_code ignored;
  for (const char* name : {"mishap.star", "faultbox.star"}) {
    if (std::filesystem::is_regular_file(name, ignored)) return name;
  }
  report_error("no spec is named, and there is neither ./mishap.star nor ./faultbox.star");
  return "";
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,~";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace mishap::cli
