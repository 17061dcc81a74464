#include "mishap/base/glob.h"

#include <string>

#include <gtest/gtest.h>

namespace mishap {
namespace {

struct Case {
  const char* pattern;
  const char* text;
  bool matches;
};

TEST(Glob, Shell) {
  const Case cases[] = {
      {"", "", true},
      {"*", "", true},
      {"a*", "abc", true},
      {"a*c", "abbc", true},
      {"a*", "a/b", false},
      {"*/b", "a/b", true},
      {"?", "/", false},
      {"a?c", "abc", true},
      {"?", "\u00e9", true},
      {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},
      {"[^a]x", "bx", true},
      {"[]a]", "]", true},
      {"[a", "[a", false},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"[\\]]", "]", true},
      {"*x*/y", "axbx/y", true},
      {"a*b*c", "aXbYbZc", true},
      {"*a", "aab", false},
      {"[!a]", "/", false},
      {"a-[0-9]", "a-7", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_shell(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

TEST(Glob, Fields) {
  const Case cases[] = {
      {"", "anything", true},
      {"", "", true},
      {"write", "write", true},
      {"write", "Write", false},
      {"a?c", "abc", false},
      {"a?c", "a?c", true},
      {"[a]", "a", false},
      {"deny*", "deny(input/output error)", true},
      {"/data/*", "/data/a/b", true},  // prefix
      {"*.wal", "/data/a.wal", true},  // suffix
      {"*b*", "a/b/c", false},
      {"*b*", "abc", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_field(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

// The reference's table of consequences, with what the dialect adds: "**" and a star in the middle
// may cross '/'.
TEST(Glob, Requests) {
  const Case cases[] = {
      {"/orders*", "/orders/1/x", true},
      {"/*", "/a/b/c", true},
      {"/api/**", "/api/foo", true},
      {"/api/**", "/api/foo/bar", true},
      {"/.well-known/**", "/.well-known/openid-configuration/jwks", true},
      {"/api/*/orders", "/api/v1/orders", true},
      {"*b*", "a/b/c", true},
      {"*b*", "abc", true},
      {"select * from users*", "select id / 2 from users", true},
      {"*", "", true},
      {"orders*", "", false},
      {">", "orders.created", false},
      {"#", "orders.created", false},
      {"GET", "get", true},
      {"g*", "GET", false},
      {"", "anything", true},
      {"a?c", "abc", false},
      {"[x", "[X", true},
      {"/api/**/x", "/api/y", false},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_request(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

TEST(Glob, Paths) {
  const Case cases[] = {
      {"", "/any", true},
      {"/data/*", "/data/x", true},
      {"/data/*", "/data/x/y", false},
      {"/data/**", "/data/x/y", true},
      {"/data/**", "/data", true},
      {"/data/**", "/database", false},
      {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/b", true},
      {"a/**/b", "a/x/y/b", true},
      {"a/**/b", "a/xb", false},
      {"**/b", "b", true},
      {"**/b", "x/y/b", true},
      {"**/b", "x/yb", false},
      {"**", "x/y/z", true},
      {"/d/**/*.wal", "/d/a/b/c.wal", true},
      {"/d/**/*.wal", "/d/c.wal", true},
      {"/d/**/x/**/y", "/d/x/a/x/b/y", true},
      {"/d/**/x/*", "/d/x/a/x/b", true},
      {"/data/", "/data/", true},
      {"/a[!/]b", "/a/b", false},
      {"/a\\*b", "/a*b", true},
      {"/data/?", "/data/x", true},
      {"a**b", "a/x/b", true},
  };
  for (const Case& c : cases)
    EXPECT_EQ(glob_path(c.pattern, c.text), c.matches) << c.pattern << " on " << c.text;
}

TEST(Glob, HostilePatternsEnd) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "**/a*";
  EXPECT_FALSE(glob_path(pattern + "b", std::string(4000, 'a')));
}

}  // namespace
}  // namespace mishap
