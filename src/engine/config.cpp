#include "mishap/engine/config.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "mishap/base/json.h"
#include "mishap/base/text.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// `file:line` of the first line that gives `key`; the file alone when it cannot be found.
std::string place_of(const std::string& text, const fs::path& file, const std::string& key) {
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    std::string_view rest = trim(line);
    for (char quote : {'"', '\''}) {
      if (rest.starts_with(quote)) rest.remove_prefix(1);
    }
    if (!rest.starts_with(key)) continue;
    rest = rest.substr(key.size());
    if (rest.starts_with(":") || rest.starts_with("\":") || rest.starts_with("':")) {
      return file.string() + ":" + std::to_string(number);
    }
  }
  return file.string();
}

/// A path, as opposed to a name that PATH knows, is taken from the config's own directory.
void anchor_program(std::vector<std::string>& words, const fs::path& file) {
  const fs::path program = words.front();
  if (program.is_relative() && words.front().find('/') != std::string::npos) {
    words.front() = (fs::absolute(file).parent_path() / program).lexically_normal().string();
  }
}

Result<std::vector<std::string>> parse_command(const Json& value) {
  if (value.is_string()) return split_command(value.get<std::string>());
  std::vector<std::string> words;
  if (value.is_array()) {
    for (const Json& word : value) {
      if (word.is_structured() || word.is_null())
        return fail("must be a command line or a list of words");
      words.push_back(scalar_text(word));
    }
    return words;
  }
  return fail("must be a command line or a list of words");
}

}  // namespace

Result<std::vector<std::string>> split_command(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote) return fail("unfinished quote in \"" + text + "\"");
  if (in_word) words.push_back(word);
  return words;
}

Result<Config> parse_config(const std::string& text, const fs::path& file) {
  MISHAP_ASSIGN(const Json parsed, parse_yaml(text, file.string()));
  Config config;
  config.file = file;
  if (parsed.is_null()) return config;
  if (!parsed.is_object())
    return fail(file.string() + ": must be a mapping, as in \"images: {…}\"");
  static const std::vector<std::string> kKnown = {"images"};
  for (const auto& [key, value] : parsed.items()) {
    if (key != "images") {
      return fail(place_of(text, file, key) + ": unknown key \"" + key + "\"" +
                  did_you_mean(key, kKnown) +
                  (did_you_mean(key, kKnown).empty() ? "; known: images" : ""));
    }
    if (value.is_null()) continue;
    if (!value.is_object()) {
      return fail(place_of(text, file, key) + ": images: must map image names to programs");
    }
    for (const auto& [image, command] : value.items()) {
      auto words = parse_command(command);
      if (words && words->empty()) words = fail("no program is given");
      if (!words) {
        return fail(place_of(text, file, image) + ": images: \"" + image +
                    "\": " + words.error().message);
      }
      anchor_program(*words, file);
      config.images[image] = *words;
    }
  }
  return config;
}

Result<Config> find_config(const fs::path& directory) {
  std::error_code ignored;
  for (fs::path at = fs::absolute(directory);; at = at.parent_path()) {
    std::vector<fs::path> found;
    for (const char* name : {"mishap.yaml", "mishap.yml"}) {
      // A link that leads nowhere is there as well, and cannot be read; a closed directory has
      // none.
      const auto type = fs::symlink_status(at / name, ignored).type();
      if (type != fs::file_type::not_found && type != fs::file_type::none)
        found.push_back(at / name);
    }
    if (found.size() > 1)
      return fail(found[0].string() + ": there is a mishap.yml beside it; keep one of them");
    if (!found.empty()) {
      std::ifstream in(found[0]);
      std::ostringstream text;
      if (!in || !(text << in.rdbuf())) {
        return fail(found[0].string() + ": cannot be read: " + std::strerror(errno), errno);
      }
      return parse_config(text.str(), found[0]);
    }
    if (!at.has_parent_path() || at == at.parent_path()) return Config{};
  }
}

Result<std::pair<std::string, std::vector<std::string>>> parse_image_option(
    const std::string& text) {
  const size_t equals = text.find('=');
  auto malformed = [&] {
    return fail("--image \"" + text +
                "\": write NAME=PROGRAM, as in --image myapp:latest=./bin/myapp");
  };
  if (equals == std::string::npos || equals == 0) return malformed();
  auto words = split_command(text.substr(equals + 1));
  if (!words) return fail("--image \"" + text + "\": " + words.error().message);
  if (words->empty()) return malformed();
  return std::pair(text.substr(0, equals), *words);
}

}  // namespace mishap::engine
