// A stream cut into lines: the cuts in which it comes do not matter, no line is empty or too long,
// and nothing but line ends is lost.
#include "mishap/base/testing/fuzz.h"
#include "mishap/source/lines.h"

namespace mishap::testing {
namespace {

std::vector<std::string> lines_of(std::string_view bytes, size_t cut) {
  std::vector<std::string> lines;
  source::LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
  for (; !bytes.empty(); bytes.remove_prefix(std::min(cut, bytes.size())))
    splitter.feed(bytes.substr(0, cut));
  splitter.finish();
  return lines;
}

std::string without_ends(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '\n' && c != '\r') out += c;
  }
  return out;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::string longest(source::LineSplitter::kLongestLineBytes, 'x');
  return {longest, longest + "\n", longest + "\r\nlast", "one\r\ntwo\n\nthree"};
}

/// The first byte says how long the cuts are.
void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const size_t cut = 1 + in.byte();
  const std::vector<std::string> whole = lines_of(in.rest(), in.rest().size() + 1);
  MISHAP_CHECK(whole == lines_of(in.rest(), 1));
  MISHAP_CHECK(whole == lines_of(in.rest(), cut), "cut {}", cut);
  std::string all;
  for (const std::string& line : whole) {
    MISHAP_CHECK(!line.empty() && line.size() <= source::LineSplitter::kLongestLineBytes);
    MISHAP_CHECK(line.find('\n') == std::string::npos);
    all += line;
  }
  MISHAP_CHECK(without_ends(all) == without_ends(in.rest()));
}

}  // namespace mishap::testing
