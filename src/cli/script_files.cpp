#include "script_files.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace mishap::cli {

namespace fs = std::filesystem;

Result<std::string> ScriptFiles::resolve(std::string_view name, std::string_view from_key) {
  std::error_code ignored;
  const fs::path beside = fs::path(from_key).parent_path() / name;
  if (fs::exists(beside, ignored)) return beside.lexically_normal().string();
  if (fs::exists(name, ignored)) return std::string(name);
  return fail("no such file");
}

Result<starlark::SourceText> ScriptFiles::read(const std::string& key) {
  MISHAP_ASSIGN(std::string text, read_script(key));
  sources_.add(key, text);
  return starlark::SourceText{key, std::move(text)};
}

Result<std::string> read_script(const std::string& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored))
    return fail(fmt::format("cannot read {}: it is a directory", path));
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail_errno(fmt::format("cannot read {}", path), errno);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace mishap::cli
