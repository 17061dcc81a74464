// Specs written to a directory of their own, and what loading them says.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/spec/spec.h"

namespace mishap::spec {

/// A directory that goes with the object. Messages show file names relative to it (see `shown`).
class SpecFiles {
 public:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory() / name) << text;
  }
  LoadOutcome load(const std::string& name = "spec.star") const {
    return spec::load(directory() / name);
  }
  LoadOutcome load_text(const std::string& text) const {
    write("spec.star", text);
    return load();
  }
  /// Without the directory, which differs from run to run.
  std::string shown(std::string text) const {
    const std::string prefix = directory().string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    return text;
  }
  const std::filesystem::path& directory() const { return temporary_.path(); }

 private:
  const TemporaryDirectory temporary_;
};

}  // namespace mishap::spec
