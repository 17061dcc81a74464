#include "mishap/event/decoder.h"

#include <gtest/gtest.h>

namespace mishap::event {
namespace {

TEST(JsonDecoder, FieldsAreTextAndDataIsTyped) {
  const std::string line =
      R"({"level":"info","n":1000000,"ok":true,"none":null,"f":0.25,"deep":{"a":[1,2]}})";
  Decoded decoded = json_decoder()->decode(line);
  EXPECT_EQ(decoded.fields, (Fields{{"level", "info"},
                                    {"n", "1000000"},
                                    {"ok", "true"},
                                    {"none", ""},
                                    {"f", "0.25"},
                                    {"deep", R"({"a":[1,2]})"},
                                    {"raw", line}}));
  EXPECT_EQ(decoded.data, *parse_json(line));
}

TEST(JsonDecoder, OtherValuesAndOtherLines) {
  Decoded list = json_decoder()->decode("[1,2]");
  EXPECT_EQ(list.fields, (Fields{{"raw", "[1,2]"}}));
  EXPECT_EQ(list.data, (Json{1, 2}));
  Decoded plain = json_decoder()->decode("started {");
  EXPECT_EQ(plain.fields, (Fields{{"raw", "started {"}}));
  EXPECT_TRUE(plain.data.is_null());
}

TEST(LogfmtDecoder, ReadsPairs) {
  const std::string line = R"(level=info msg="two \"words\"\n" empty= done at=1.5)";
  Decoded decoded = logfmt_decoder()->decode(line);
  EXPECT_EQ(decoded.fields, (Fields{{"level", "info"},
                                    {"msg", "two \"words\"\n"},
                                    {"empty", ""},
                                    {"at", "1.5"},
                                    {"raw", line}}));
  EXPECT_EQ(to_text(decoded.data),
            R"({"level":"info","msg":"two \"words\"\n","empty":"","at":"1.5"})");
  EXPECT_EQ(logfmt_decoder()->decode("a=\"open").fields, (Fields{{"raw", "a=\"open"}}));
  EXPECT_EQ(logfmt_decoder()->decode("words only").fields, (Fields{{"raw", "words only"}}));
  EXPECT_EQ(logfmt_decoder()->decode(R"(a="\q")").fields.get("a"), "\\q");
}

TEST(RegexDecoder, NamedGroups) {
  auto decoder = regex_decoder(R"((?P<level>[A-Z]+): (?P<n>\d+)?)");
  ASSERT_TRUE(decoder);
  Decoded decoded = (*decoder)->decode("x WARN: y");
  EXPECT_EQ(decoded.fields.get("level"), "WARN");
  EXPECT_EQ(decoded.fields.get("n"), "");
  EXPECT_EQ(decoded.fields.get("raw"), "x WARN: y");
  EXPECT_EQ((*decoder)->decode("nothing").fields, (Fields{{"raw", "nothing"}}));
  EXPECT_EQ(regex_decoder("(a").error().message, "bad pattern \"(a\": missing ): (a");
}

TEST(AutomaticDecoder, TellsLinesApart) {
  struct Case {
    const char* line;
    size_t fields;  ///< raw included
  };
  const Case cases[] = {
      {R"({"a":1,"b":2})", 3},
      {R"(  {"a":1} )", 2},
      {"[1,2]", 1},
      {"{broken", 1},
      {"a=1 b=2", 3},
      {"a=1", 1},
      {"got a=1 b=2", 1},
      {"a=1 b=2 trailing", 3},
      {"plain text", 1},
      {"", 1},
      {"x == y = z", 1},
      {"http://h?a=1&b=2 c=3 d=4", 1},
      {"ts=1 msg=\"a b\" n=3", 4},
  };
  for (const Case& c : cases)
    EXPECT_EQ(automatic_decoder()->decode(c.line).fields.size(), c.fields) << c.line;
}

}  // namespace
}  // namespace mishap::event
