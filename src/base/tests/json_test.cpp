#include "mishap/base/json.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace mishap {
namespace {

TEST(ParseJson, KeepsOrderAndTypes) {
  auto value = parse_json(R"( {"z": 1, "a": [true, null, -2, 1.5, "x\u00e9"], "b": {}} )");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(to_text(*value), "{\"z\":1,\"a\":[true,null,-2,1.5,\"x\u00e9\"],\"b\":{}}");
}

TEST(ParseJson, LastOfDoubleKeysCounts) {
  EXPECT_EQ(to_text(*parse_json(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
  std::string text = "{";
  for (int i = 0; i < 100; ++i)
    text += "\"k" + std::to_string(i % 50) + "\":" + std::to_string(i) + ",";
  text.back() = '}';
  auto value = parse_json(text);
  ASSERT_TRUE(value);
  EXPECT_EQ(value->size(), 50u);
  EXPECT_EQ((*value)["k0"], 50);
  EXPECT_EQ((*value)["k49"], 99);
}

TEST(ParseJson, IntegersBeyond64BitsBecomeDoubles) {
  EXPECT_EQ(parse_json("18446744073709551615")->get<uint64_t>(), 18446744073709551615ULL);
  EXPECT_TRUE(parse_json("18446744073709551616")->is_number_float());
}

TEST(ParseJson, ErrorsNameThePlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"", "line 1, column 1: unexpected end of input; expected '[', '{', or a literal"},
      {"{\"a\": 1\n \"b\": 2}", "line 2, column 2: unexpected string literal; expected '}'"},
      {"[1, 2", "line 1, column 6: unexpected end of input; expected ']'"},
      {"{\"a\": tru}", "line 1, column 7: invalid literal"},
      {"1 2", "line 1, column 3: unexpected number literal; expected end of input"},
      {"\"abc", "line 1, column 1: invalid string: missing closing quote"},
      {"1e999", "line 1, column 1: number overflow parsing '1e999'"},
  };
  for (const Case& c : cases) {
    auto value = parse_json(c.text);
    ASSERT_FALSE(value) << c.text;
    EXPECT_EQ(value.error().message, c.message) << c.text;
  }
}

TEST(ParseJson, OfSeveralValuesOfAKeyTheLastCounts) {
  EXPECT_EQ(to_text(*parse_json(R"({"a": 1, "b": 2, "a": 3})")), R"({"a":3,"b":2})");
}

TEST(ParseJsonFile, ErrorsNameTheFile) {
  struct Case {
    std::string text;
    const char* message;
  };
  std::string many = "{";
  for (int i = 0; i < 30; ++i) many += fmt::format("\"k{}\": {},\n", i, i);
  const Case cases[] = {
      {"[1,\n 2", "data.json:2:3: unexpected end of input; expected ']'"},
      {std::string(501, '['), "data.json: nested deeper than 500 levels"},
      {R"({"a": 1, "b": 2, "a": 3})", "data.json:1:18: duplicate key \"a\""},
      {"[{\"q\\\"\": 1,\n  \"q\\\"\" : {}}]", "data.json:2:3: duplicate key \"q\"\""},
      {"{\"\\\\\": 1, \"\\u005c\": 1}", "data.json:1:11: duplicate key \"\\\""},
      {R"({"": 1,"": 2})", "data.json:1:8: duplicate key \"\""},
      {many + "\"k7\": 1}", "data.json:31:1: duplicate key \"k7\""},
  };
  for (const Case& c : cases) {
    auto value = parse_json_file(c.text, "data.json");
    ASSERT_FALSE(value) << c.text;
    EXPECT_EQ(value.error().message, c.message) << c.text;
  }
  EXPECT_EQ(to_text(*parse_json_file(R"([{"a": {"a": 1}}, {"a": 2}])", "data.json")),
            R"([{"a":{"a":1}},{"a":2}])");
}

TEST(ParseJson, LimitsNesting) {
  EXPECT_TRUE(parse_json(std::string(500, '[') + std::string(500, ']')));
  auto deep = parse_json(std::string(100000, '['));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "nested deeper than 500 levels");
}

TEST(ParseJson, RefusesInvalidUtf8) { EXPECT_FALSE(parse_json("\"\xff\"")); }

TEST(ToText, ReplacesInvalidUtf8) { EXPECT_EQ(to_text(Json("a\xff")), "\"a\uFFFD\""); }

TEST(ScalarText, Forms) {
  struct Case {
    const char* json;
    const char* text;
  };
  const Case cases[] = {{"\"x y\"", "x y"},
                        {"true", "true"},
                        {"false", "false"},
                        {"null", ""},
                        {"-7", "-7"},
                        {"1000000", "1000000"},
                        {"1000000.0", "1000000"},
                        {"1.50", "1.5"},
                        {"1e-7", "1e-07"},
                        {"1e21", "1e+21"},
                        {"0.1", "0.1"},
                        {"[1,{\"a\":null}]", "[1,{\"a\":null}]"},
                        {"18446744073709551615", "18446744073709551615"}};
  for (const Case& c : cases) EXPECT_EQ(scalar_text(*parse_json(c.json)), c.text) << c.json;
}

}  // namespace
}  // namespace mishap
