#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "float_text.h"
#include "unicode.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

TEST(FloatText, IsTheShortestThatReadsBack) {
  const std::pair<double, const char*> cases[] = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {123456.0, "123456.0"},
      {1234567.0, "1.234567e+06"},
      {1e6, "1e+06"},
      {0.0001, "0.0001"},
      {0.00001, "1e-05"},
      {0.1, "0.1"},
      {1e23, "1e+23"},
      {1e100, "1e+100"},
      {3.14, "3.14"},
      {999999.5, "999999.5"},
      {5e-324, "5e-324"},
      {123456.789, "123456.789"},
      {INFINITY, "+inf"},
      {-INFINITY, "-inf"},
      {NAN, "nan"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(float_text(value), text);
}

TEST(FloatText, FollowsTheConversion) {
  EXPECT_EQ(float_text(1.5, 'e'), "1.500000e+00");
  EXPECT_EQ(float_text(1.5, 'E'), "1.500000E+00");
  EXPECT_EQ(float_text(1.5, 'f'), "1.500000");
  EXPECT_EQ(float_text(1e20, 'F'), "100000000000000000000.000000");
  EXPECT_EQ(float_text(1e6, 'G'), "1E+06");
  EXPECT_EQ(float_text(-INFINITY, 'f'), "-inf");
}

TEST(FloatText, Reads) {
  EXPECT_EQ(parse_float("1e3"), 1000.0);
  EXPECT_EQ(parse_float("-.5"), -0.5);
  EXPECT_EQ(parse_float("1."), 1.0);
  EXPECT_EQ(parse_float("+Infinity"), INFINITY);
  EXPECT_EQ(parse_float("-INF"), -INFINITY);
  EXPECT_TRUE(std::isnan(*parse_float("nan")));
  EXPECT_EQ(parse_float("1e-999"), 0.0);
  EXPECT_EQ(parse_float("0.0000000000000001e-99999999999999999999"), 0.0);
  for (const char* bad : {"", "-", "1e", "1e999", "1_0", "0x1", " 1", "1 ", "--1", "+-1", "e5"}) {
    EXPECT_EQ(parse_float(bad), std::nullopt) << bad;
  }
}

TEST(Utf8, DecodesOrSaysInvalid) {
  EXPECT_EQ(decode_rune("é").value, U'é');
  EXPECT_EQ(decode_rune("😀").width, 4);
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xED\xA0\x80", "\xE2\x82", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_TRUE(decode_rune(bad).invalid());
  }
  EXPECT_EQ(rune_text(0x1F600), "😀");
  EXPECT_EQ(rune_text(0xD800), "\uFFFD");
  EXPECT_EQ(count_runes("a\xFFé"), 3U);
}

TEST(Utf8, Quotes) {
  EXPECT_EQ(quote("a\"b\\c\n\t\x01\x7Fé\u200b\xFF"), R"("a\"b\\c\n\t\x01\x7fé\u200b\xff")");
  EXPECT_EQ(quote("\U000E0001"), R"("\U000e0001")");
  EXPECT_EQ(quote_bytes("hi"), R"(b"hi")");
}

TEST(Utf8, HashesAsJavaDoes) {
  EXPECT_EQ(java_string_hash("abc"), 96354);
  EXPECT_EQ(java_string_hash(""), 0);
  EXPECT_EQ(java_string_hash("😿"), 1772962);
  EXPECT_EQ(fnv1a(""), 2166136261U);
}

TEST(Unicode, MapsCase) {
  EXPECT_EQ(unicode::lower_text("ÀÉΣİẞ"), "àéσiß");
  EXPECT_EQ(unicode::upper_text("àéσßŉ"), "ÀÉΣßŉ");
  EXPECT_EQ(unicode::to_title(U'ǆ'), U'ǅ');
  EXPECT_EQ(unicode::to_upper(U'ᾀ'), U'ᾈ');
  EXPECT_EQ(unicode::to_upper(U'ÿ'), U'Ÿ');
  EXPECT_EQ(unicode::lower_text("a\xFF"), "a\uFFFD");
}

TEST(Unicode, KnowsClasses) {
  EXPECT_TRUE(unicode::is_letter(U'中') && unicode::is_letter(U'é') && !unicode::is_letter(U'1'));
  EXPECT_TRUE(unicode::is_digit(U'٣') && !unicode::is_digit(U'½'));
  EXPECT_TRUE(unicode::is_space(0x3000) && unicode::is_space(0xA0) && !unicode::is_space(0x200B));
  EXPECT_TRUE(unicode::is_title(U'ǅ') && unicode::is_cased(U'ǅ') && !unicode::is_cased(U'中'));
  EXPECT_TRUE(unicode::is_print(U'😀') && !unicode::is_print(0xA0) && !unicode::is_print(0xFFFE));
  EXPECT_TRUE(unicode::is_upper(U'Σ') && unicode::is_lower(U'σ'));
}

}  // namespace
}  // namespace mishap::starlark
