#include "mishap/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mishap {
namespace {

using ::testing::ElementsAre;

TEST(Text, Split) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Text, TrimJoinCaseReplace) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b"}, ", "), "a, b");
  EXPECT_EQ(to_lower("A\u00c9z"), "a\u00c9z");
  EXPECT_EQ(to_upper("aZ1"), "AZ1");
  EXPECT_EQ(replace_all("aXbX", "X", "XX"), "aXXbXX");
  EXPECT_EQ(replace_all("a", "", "x"), "a");
}

TEST(Text, TruncatedCutsAtCharacters) {
  EXPECT_EQ(truncated("abc", 3), "abc");
  EXPECT_EQ(truncated("abcd", 3), "abc\u2026");
  EXPECT_EQ(truncated("a\u00e9b", 2), "a\u2026");
  EXPECT_EQ(truncated("\x80\x80\x80\x80\x80\x80", 5), "\x80\x80\x80\x80\x80\u2026");
  EXPECT_EQ(truncated("abc", 0), "\u2026");
}

TEST(Text, Nearest) {
  const std::vector<std::string> names = {"read", "write", "openat", "fsync", "fdatasync"};
  EXPECT_EQ(nearest("wrte", names), "write");
  EXPECT_EQ(nearest("WRITE", names), "write");
  EXPECT_EQ(nearest("raed", names), "read");
  EXPECT_EQ(nearest("zzz", names), std::nullopt);
  EXPECT_EQ(nearest("", names), std::nullopt);
  EXPECT_EQ(did_you_mean("opnat", names), "; did you mean \"openat\"?");
  EXPECT_EQ(did_you_mean("zzzz", names), "");
}

TEST(Text, RedactHidesSecrets) {
  struct Case {
    const char* text;
    const char* redacted;
  };
  const Case cases[] = {
      {"POSTGRES_PASSWORD=hunter2 PGUSER=app", "POSTGRES_PASSWORD=*** PGUSER=app"},
      {"postgres://app:s3cret@db:5432/shop", "postgres://app:***@db:5432/shop"},
      {"redis://:pw@cache:6379", "redis://:***@cache:6379"},
      {"http://host/path?api_key=abc&x=1", "http://host/path?api_key=***&x=1"},
      {R"({"token": "abc \" def", "user": "x"})", R"({"token": "***", "user": "x"})"},
      {"Authorization: Bearer abc.def", "Authorization: Bearer ***"},
      {"the password is wrong", "the password is wrong"},
      {"password authentication failed for user \"app\"",
       "password authentication failed for user \"app\""},
      {"password=", "password="},
      {"http://a/b:c@d", "http://a/b:c@d"},
      {"a=1 b=2", "a=1 b=2"},
  };
  for (const Case& c : cases) EXPECT_EQ(redact(c.text), c.redacted);
}

}  // namespace
}  // namespace mishap
