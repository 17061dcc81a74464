#include "mishap/source/lines.h"

#include <vector>

#include <gtest/gtest.h>

namespace mishap::source {
namespace {

std::vector<std::string> lines_of(std::string_view text, size_t chunk) {
  std::vector<std::string> lines;
  LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  for (size_t at = 0; at < text.size(); at += chunk) splitter.feed(text.substr(at, chunk));
  splitter.finish();
  return lines;
}

TEST(Lines, CutsAtNewlinesHoweverTheBytesCome) {
  std::string text = "one\r\ntwo\n\n\r\nthree";
  std::vector<std::string> expected = {"one", "two", "three"};
  for (size_t chunk : {1u, 2u, 3u, 100u}) EXPECT_EQ(lines_of(text, chunk), expected) << chunk;
}

TEST(Lines, DeliversAnOverlongLineInPieces) {
  std::string text(LineSplitter::kLongestLineBytes * 2 + 5, 'x');
  auto lines = lines_of(text + "\nshort\n", 1000);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].size(), LineSplitter::kLongestLineBytes);
  EXPECT_EQ(lines[2].size(), 5u);
  EXPECT_EQ(lines[3], "short");
}

}  // namespace
}  // namespace mishap::source
