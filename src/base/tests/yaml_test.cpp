#include <string>

#include <gtest/gtest.h>

#include "mishap/base/json.h"

namespace mishap {
namespace {

TEST(ParseYaml, Values) {
  struct Case {
    const char* yaml;
    const char* json;
  };
  const Case cases[] = {
      {"", "null"},
      {"# nothing\n", "null"},
      {"a: 1\nb: [x, -2, +3, 1.5, .5, 1e3, true, False, ~, null, ]\n",
       R"({"a":1,"b":["x",-2,3,1.5,0.5,1000.0,true,false,null,null]})"},
      {"a: '1'\nb: \"true\"\nc: |\n  two\n  lines\n", R"({"a":"1","b":"true","c":"two\nlines\n"})"},
      {"a: yes\nb: no\nc: on\nd: 0x1F\ne: 1_000\nf: 2024-01-02\n",
       R"({"a":"yes","b":"no","c":"on","d":"0x1F","e":"1_000","f":"2024-01-02"})"},
      {"a:\nb: 2", R"({"a":null,"b":2})"},
      {"1: one\ntrue: yes", R"({"1":"one","true":"yes"})"},
      {"base: &b {x: 1, y: 2}\nuse: *b\n", R"({"base":{"x":1,"y":2},"use":{"x":1,"y":2}})"},
      {"b: &b {x: 1, y: 2}\nu:\n  <<: *b\n  y: 3\n  z: 4\n",
       R"({"b":{"x":1,"y":2},"u":{"x":1,"y":3,"z":4}})"},
      {"b: &b {x: 1}\nc: &c {x: 2, y: 2}\nu:\n  y: 9\n  <<: [*b, *c]\n",
       R"({"b":{"x":1},"c":{"x":2,"y":2},"u":{"y":9,"x":1}})"},
      {"18446744073709551615", "18446744073709551615"},
      {"- a\n- - b\n  - c: d\n", R"(["a",["b",{"c":"d"}]])"},
  };
  for (const Case& c : cases) {
    auto value = parse_yaml(c.yaml);
    ASSERT_TRUE(value) << c.yaml << "\n" << value.error().message;
    EXPECT_EQ(to_text(*value), c.json) << c.yaml;
  }
}

TEST(ParseYaml, Errors) {
  struct Case {
    std::string yaml;
    const char* message;
  };
  const Case cases[] = {
      {"a: 1\nb: 2\na: 3\n", "line 3, column 1: duplicate key"},
      {"a: [1, 2\n", "line 2, column 1: flow sequence without a closing bracket"},
      {"[a, b]: 1\n", "keys must be text"},
      {"a: 1\n---\nb: 2\n", "more than one document"},
      {"a: *nope\n", "line 1, column 5: unknown alias \"nope\""},
      {"a: &a [*a]\n", "nested deeper than 500 levels"},
      {"%\xec", "line 1, column 2: not valid UTF-8"},
      {"a: 1\nb: \xed\xa0\x80", "line 2, column 4: not valid UTF-8"},
      {"a: \x01", "line 1, column 4: control character"},
      {"u: : : : ? :? :\t: *:", "line 1, column 16: cannot use tab for indentation of block entry"},
      {"u:\n  <<: 1\n", "a merge key (<<) needs a mapping or a list of mappings"},
  };
  for (const Case& c : cases) {
    auto value = parse_yaml(c.yaml);
    ASSERT_FALSE(value) << c.yaml << to_text(*value);
    EXPECT_EQ(value.error().message, c.message) << c.yaml;
  }
}

TEST(ParseYaml, ErrorsNameTheFile) {
  struct Case {
    const char* yaml;
    const char* message;
  };
  const Case cases[] = {
      {"a: 1\na: 3\n", "mishap.yaml:2:1: duplicate key"},
      {"a: *nope\n", "mishap.yaml:1:5: unknown alias \"nope\""},
      {"a: \x01", "mishap.yaml:1:4: control character"},
      {"[a, b]: 1\n", "mishap.yaml: keys must be text"},
  };
  for (const Case& c : cases) {
    auto value = parse_yaml(c.yaml, "mishap.yaml");
    ASSERT_FALSE(value) << c.yaml << to_text(*value);
    EXPECT_EQ(value.error().message, c.message) << c.yaml;
  }
}

TEST(ParseYaml, AliasesCannotFillTheMemory) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  auto value = parse_yaml(bomb);
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message, "its aliases stand for more than 100000 values");
}

TEST(ParseYaml, ABlockThatIsNotIndentedMoreThanItsKeyIsAnError) {
  struct Case {
    const char* yaml;
    const char* place;
  };
  const Case cases[] = {
      {"images:\n  'quoted': |\n  k79  block\n      text\nlist: 1\n", "line 3, column 1"},
      {"images:\n  'quoted': >-\n\n  k79  block\n", "line 4, column 1"},
      {"- a: |\n  text\n", "line 2, column 1"},
  };
  for (const Case& c : cases) {
    auto value = parse_yaml(c.yaml);
    ASSERT_FALSE(value) << c.yaml << to_text(*value);
    EXPECT_EQ(value.error().message,
              std::string(c.place) + ": the lines of a block must be indented more than its key")
        << c.yaml;
  }
}

TEST(ParseYaml, BlocksThatAreIndented) {
  struct Case {
    const char* yaml;
    const char* json;
  };
  const Case cases[] = {
      {"a: |\n text\n  more\nb: 1\n", R"({"a":"text\n more\n","b":1})"},
      {"a: |\nb: >\n", R"({"a":"","b":""})"},
      {"a: |\n\n\nb: 1\n", R"({"a":"","b":1})"},
      {"- - a: |2\n        text\n", R"([[{"a":"  text\n"}]])"},
      {"- a: 1\n  &x b: |-\n    text\n", R"([{"a":1,"b":"text"}])"},
      {"? a\n: |\n text\n", R"({"a":"text\n"})"},
      {"- |\n text\n- >-\n one\n two\n", R"(["text\n","one two"])"},
  };
  for (const Case& c : cases) {
    auto value = parse_yaml(c.yaml);
    ASSERT_TRUE(value) << c.yaml << value.error().message;
    EXPECT_EQ(to_text(*value), c.json) << c.yaml;
  }
}

}  // namespace
}  // namespace mishap
