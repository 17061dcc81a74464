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

TEST(Yaml, ABlockThatIsNotIndentedMoreThanItsKeyIsAnError) {
  auto value = parse_yaml(
      "images:\n  'quoted': |\n  k79  block\n      text\n  folded: >-\n    one\n    two\nlist: "
      "1\n");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message,
            "line 3, column 1: the lines of a block must be indented more than its key");
}

}  // namespace
}  // namespace mishap
