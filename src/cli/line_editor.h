// Lines that a user types.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::cli {

/// One thread.
class LineEditor {
 public:
  enum class Ending { line, interrupted, end_of_input };
  /// What the word before the cursor may become, whole; `before` is the line up to that word.
  using Complete =
      std::function<std::vector<std::string>(std::string_view before, std::string_view word)>;

  /// On a terminal with libedit: history, which `history` keeps between sessions (empty: nowhere),
  /// and completion with the tabulator. Elsewhere lines are read as they are, without prompts when
  /// the input is no terminal. At most one at a time.
  static std::unique_ptr<LineEditor> open(std::filesystem::path history, Complete complete);

  virtual ~LineEditor() = default;
  /// The next line, without its end. `interrupted`: the user pressed Ctrl-C meanwhile.
  virtual Ending read(const std::string& prompt, std::string& line) = 0;
};

}  // namespace mishap::cli
