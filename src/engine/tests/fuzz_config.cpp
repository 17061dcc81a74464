// Any text as mishap.yaml, as an --image option, as a command line and as an image's name.
#include "mishap/base/testing/fuzz.h"
#include "mishap/engine/config.h"

#include "image_name.h"

namespace mishap::testing {
namespace {

/// The words in quotes are the same words again.
void words_again(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += '\'';
    for (char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += "' ";
  }
  auto again = engine::split_command(line);
  MISHAP_CHECK(again && *again == words, "{}", line);
}

}  // namespace

std::vector<std::string> fuzz_seeds() { return {}; }

void fuzz_one(std::string_view input) {
  const std::string text(input);
  if (auto config = engine::parse_config(text, "/project/mishap.yaml")) {
    for (const auto& [image, command] : config->images) {
      MISHAP_CHECK(!command.empty(), "{}", image);
      engine::find_mapping(config->images, image);
    }
  } else {
    MISHAP_CHECK(!config.error().message.empty());
  }
  if (auto words = engine::split_command(text)) words_again(*words);
  if (auto option = engine::parse_image_option(text)) MISHAP_CHECK(!option->second.empty());
  const engine::ImageName name = engine::parse_image_name(text);
  MISHAP_CHECK(text.starts_with(name.name));
  name.major_version();
}

}  // namespace mishap::testing
