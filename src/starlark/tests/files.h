// Reading the files that tests compare with.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace mishap::starlark {

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace mishap::starlark
