// What users see of errors: each file of tests/errors is a list of chunks, split by lines of `---`,
// and beside it stands the approved text of what they print, plain and coloured. With
// MISHAP_APPROVE set the test writes those texts anew; read the difference before committing it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "mishap/starlark/diagnostic.h"
#include "mishap/starlark/starlark.h"

#include "files.h"

namespace mishap::starlark {
namespace {

std::vector<std::string> chunks_of(const std::string& text) {
  constexpr std::string_view kMark = "---\n";
  std::vector<std::string> chunks(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line + "\n" == kMark) {
      chunks.emplace_back();
    } else {
      chunks.back() += line + "\n";
    }
  }
  return chunks;
}

// What running `text` prints; it has to fail.
std::string errors_of(const std::string& text, bool color) {
  const std::string file = "spec.star";
  Sources sources;
  sources.add(file, text);
  RenderStyle style;
  style.color = color;
  Interpreter interpreter{Dialect{}};
  const auto problems = interpreter.check({file, text});
  if (!problems.empty()) return render(problems, sources, style);
  Thread thread(interpreter);
  const auto module = interpreter.execute(thread, {file, text});
  if (module) return "no error\n";
  return render(module.error(), sources, style);
}

// The escape character is written ^[, so that the text can be read.
std::string readable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\x1b') {
      out += "^[";
    } else {
      out += c;
    }
  }
  return out;
}

class ErrorTexts : public testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(ErrorTexts, AreTheApprovedOnes) {
  const auto [name, color] = GetParam();
  const std::filesystem::path folder = MISHAP_TEST_DATA "/errors";
  std::string shown;
  for (const std::string& chunk : chunks_of(read_text(folder / (std::string(name) + ".star")))) {
    if (!shown.empty()) shown += "---\n";
    shown += readable(errors_of(chunk, color));
  }
  const auto approved = folder / (std::string(name) + (color ? ".color.txt" : ".txt"));
  if (std::getenv("MISHAP_APPROVE") != nullptr) std::ofstream(approved, std::ios::binary) << shown;
  EXPECT_EQ(shown, read_text(approved));
}

INSTANTIATE_TEST_SUITE_P(Kinds, ErrorTexts,
                         testing::Values(std::pair("syntax", false), std::pair("syntax", true),
                                         std::pair("resolve", false), std::pair("resolve", true),
                                         std::pair("evaluation", false),
                                         std::pair("evaluation", true)),
                         [](const auto& one) {
                           return std::string(one.param.first) +
                                  (one.param.second ? "Coloured" : "Plain");
                         });

}  // namespace
}  // namespace mishap::starlark
