// Cuts a byte stream into lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mishap::source {

/// Lines end with LF; a CR before it is dropped. A line longer than the limit is delivered in
/// pieces, so that no program can make us hold an unbounded line. Empty lines are not delivered.
class LineSplitter {
 public:
  static constexpr size_t kLongestLineBytes = 64 * 1024;

  explicit LineSplitter(std::function<void(std::string_view)> line) : line_(std::move(line)) {}
  void feed(std::string_view bytes);
  /// The stream ended: what is left is a line.
  void finish();

 private:
  void emit(std::string_view line);
  std::function<void(std::string_view)> line_;
  std::string partial_;
};

}  // namespace mishap::source
