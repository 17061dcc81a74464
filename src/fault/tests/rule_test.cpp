#include "mishap/fault/rule.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace mishap::fault {
namespace {

TEST(Scope, FollowsTheErrno) {
  struct Case {
    int number;
    const char* text;
  };
  const Case cases[] = {{ENOSPC, "auto:file needing new blocks"},
                        {EDQUOT, "auto:file needing new blocks"},
                        {EROFS, "auto:change of a file system"},
                        {EFBIG, "auto:growing file"},
                        {ECONNREFUSED, "auto:socket"},
                        {ETIMEDOUT, "auto:socket"},
                        {EPIPE, "auto:socket"},
                        {EIO, "auto:any"},
                        {EINTR, "auto:any"}};
  for (const Case& c : cases) EXPECT_EQ(scope_of_errno(c.number).text(), c.text) << c.number;
}

TEST(Scope, Parses) {
  EXPECT_EQ(parse_scope({"any"})->text(), "any");
  EXPECT_EQ(parse_scope({"file"})->text(), "file,directory");
  EXPECT_EQ(parse_scope({"socket", "pipe"})->text(), "socket,pipe");
  EXPECT_TRUE(contains(parse_scope({"socket"})->kinds, FdKinds::unix_socket));
  EXPECT_FALSE(parse_scope({"socket"})->automatic);
  EXPECT_EQ(parse_scope({"sockt"}).error().message,
            "unknown scope \"sockt\": expected \"any\", \"file\", \"socket\" or \"pipe\"; did you "
            "mean \"socket\"?");
  EXPECT_EQ(parse_scope({}).error().message,
            "empty scope: expected \"any\", \"file\", \"socket\" or \"pipe\"");
  EXPECT_EQ(parse_scope({"auto", "file"}).error().message,
            "scope \"auto\" is what a fault without scope= has; it stands alone");
}

TEST(Trigger, Text) {
  EXPECT_EQ(Trigger{}.text(), "");
  EXPECT_EQ((Trigger{.probability = 0.5, .nth = 2}.text()), " nth=2 probability=50%");
  EXPECT_EQ((Trigger{.after = 1, .every = 3, .times = 2}.text()), " after=1 every=3 times=2");
  EXPECT_EQ((Trigger{.probability = 0.005}.text()), " probability=0.5%");
}

TEST(SyscallRule, ConditionsText) {
  SyscallRule rule;
  EXPECT_EQ(rule.conditions(), "");
  rule.to = {"db", "cache.redis"};
  rule.path_glob = "/data/**";
  rule.scope = *parse_scope({"file"});
  rule.trigger.nth = 2;
  EXPECT_EQ(rule.conditions(), " to=db,cache.redis path=/data/** scope=file,directory nth=2");
}

std::string firings(Trigger trigger, int matches) {
  TriggerState state(trigger, Random::stream(1, "x"));
  std::string text;
  for (int i = 0; i < matches; ++i) text += state.match() ? 'x' : '.';
  return text;
}

TEST(Trigger, Counts) {
  EXPECT_EQ(firings({}, 4), "xxxx");
  EXPECT_EQ(firings({.probability = 0}, 4), "....");
  EXPECT_EQ(firings({.nth = 2}, 4), ".x..");
  EXPECT_EQ(firings({.after = 2}, 4), "..xx");
  EXPECT_EQ(firings({.every = 2}, 6), ".x.x.x");
  EXPECT_EQ(firings({.every = 0}, 3), "...");
  EXPECT_EQ(firings({.times = 2}, 4), "xx..");
  EXPECT_EQ(firings({.after = 1, .every = 2, .times = 2}, 8), ".x.x....");
}

TEST(Trigger, ProbabilityIsReproducible) {
  EXPECT_EQ(firings({.probability = 0.5}, 64), firings({.probability = 0.5}, 64));
  EXPECT_NE(firings({.probability = 0.5}, 64).find('x'), std::string::npos);
  EXPECT_NE(firings({.probability = 0.5}, 64).find('.'), std::string::npos);
}

TEST(ProtocolAction, Names) {
  EXPECT_EQ(to_string(ProtocolAction::respond), "respond");
  EXPECT_EQ(to_string(ProtocolAction::error), "error");
  EXPECT_EQ(to_string(ProtocolAction::delay), "delay");
  EXPECT_EQ(to_string(ProtocolAction::drop), "drop");
  EXPECT_EQ(to_string(ProtocolAction::duplicate), "duplicate");
}

}  // namespace
}  // namespace mishap::fault
