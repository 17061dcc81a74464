// References of container images: `registry:5000/library/postgres:16-alpine@sha256:…`.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::engine {

struct ImageName {
  std::string name;  ///< without tag and digest, as written
  std::string tag;   ///< "" when none was written
  /// The name of an official image (`postgres`, `library/postgres`, `docker.io/library/postgres`),
  /// "" for any other.
  std::string official;
  /// The number the tag begins with: 16 of "16-alpine", 7 of "7.2"; nothing for "latest".
  std::optional<int> major_version() const;
  /// Whether it is this repository (`apache/kafka`) of whatever registry.
  bool repository_is(std::string_view repository) const;
};
ImageName parse_image_name(std::string_view reference);

/// The user's entry for an image: exact reference, then the name without tag, then the first glob
/// that fits. Null when none does.
const std::vector<std::string>* find_mapping(
    const std::map<std::string, std::vector<std::string>>& images, const std::string& reference);

}  // namespace mishap::engine
