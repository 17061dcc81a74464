// mishap.yaml: what a project says of itself beside its specs.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mishap/base/result.h"

namespace mishap::engine {

/// The file's content. Keys other than `images` are an error with the nearest known one.
struct Config {
  std::filesystem::path file;  ///< "" when there was none
  /// Image reference, name or glob → command line; a program with a '/' that is not absolute is
  /// relative to the file.
  std::map<std::string, std::vector<std::string>> images;
};

/// Reads mishap.yaml (or mishap.yml) in `directory` or the nearest parent that has one; an empty
/// Config when none has. Errors begin with the file and, where known, line and column.
Result<Config> find_config(const std::filesystem::path& directory);

/// Parses the text of a config; `file` is for messages and relative programs.
Result<Config> parse_config(const std::string& text, const std::filesystem::path& file);

/// `--image NAME=PROGRAM…`: the part after '=' is split like a shell would (quotes, backslashes; no
/// expansion). Error: `--image "x": write NAME=PROGRAM, as in --image myapp:latest=./bin/myapp`.
Result<std::pair<std::string, std::vector<std::string>>> parse_image_option(
    const std::string& text);

/// Words of a command line: blanks separate, '…' and "…" quote, \ escapes. Error: `unfinished quote
/// in "…"`.
Result<std::vector<std::string>> split_command(const std::string& text);

}  // namespace mishap::engine
