#include "image_name.h"

#include <charconv>

#include "mishap/base/glob.h"

namespace mishap::engine {

std::optional<int> ImageName::major_version() const {
  int value = 0;
  auto [end, error] = std::from_chars(tag.data(), tag.data() + tag.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

bool ImageName::repository_is(std::string_view repository) const {
  return name == repository || name.ends_with("/" + std::string(repository));
}

ImageName parse_image_name(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  ImageName out;
  const size_t slash = reference.rfind('/');
  // A colon before the last slash is a registry's port.
  const size_t colon = reference.find(':', slash == std::string_view::npos ? 0 : slash);
  out.name = reference.substr(0, colon);
  if (colon != std::string_view::npos) out.tag = reference.substr(colon + 1);
  std::string_view path = out.name;
  if (path.find('/') == std::string_view::npos) {
    out.official = path;
  } else if (size_t library = path.rfind("library/");
             library != std::string_view::npos && (library == 0 || path[library - 1] == '/') &&
             path.find('/', library + 8) == std::string_view::npos) {
    out.official = path.substr(library + 8);
  }
  return out;
}

const std::vector<std::string>* find_mapping(
    const std::map<std::string, std::vector<std::string>>& images, const std::string& reference) {
  const std::string name = parse_image_name(reference).name;
  for (const std::string& key : {reference, name}) {
    if (auto found = images.find(key); found != images.end()) return &found->second;
  }
  for (const auto& [pattern, command] : images) {
    if (pattern.find_first_of("*?[") == std::string::npos) continue;
    if (glob_path(pattern, reference) || glob_path(pattern, name)) return &command;
  }
  return nullptr;
}

}  // namespace mishap::engine
