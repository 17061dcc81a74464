// Where load() of scripts finds files.
#pragma once

#include <string>
#include <string_view>

#include "mishap/starlark/interpreter.h"

namespace mishap::cli {

/// Finds them beside the loading file, or else in the working directory. Keeps their texts for
/// errors.
class ScriptFiles final : public starlark::ModuleLoader {
 public:
  Result<std::string> resolve(std::string_view name, std::string_view from_key) override;
  Result<starlark::SourceText> read(const std::string& key) override;

  starlark::Sources& sources() { return sources_; }

 private:
  starlark::Sources sources_;
};

/// The whole file. Error: "cannot read FILE: …".
Result<std::string> read_script(const std::string& path);

}  // namespace mishap::cli
