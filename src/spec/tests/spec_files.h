// Specs written to a directory of their own, and what loading them says.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "mishap/spec/spec.h"

namespace mishap::spec {

/// A directory that goes with the object. Messages show file names relative to it (see `shown`).
class SpecFiles {
 public:
  SpecFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mishap-spec-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
    directory_ = pattern;
  }
  ~SpecFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  SpecFiles(const SpecFiles&) = delete;
  SpecFiles& operator=(const SpecFiles&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }
  LoadOutcome load(const std::string& name = "spec.star") const {
    return spec::load(directory_ / name);
  }
  LoadOutcome load_text(const std::string& text) const {
    write("spec.star", text);
    return load();
  }
  /// Without the directory, which differs from run to run.
  std::string shown(std::string text) const {
    const std::string prefix = directory_.string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    return text;
  }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  std::filesystem::path directory_;
};

}  // namespace mishap::spec
