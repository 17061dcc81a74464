#include <gtest/gtest.h>

#include "mishap/fault/decider.h"

namespace mishap::fault {
namespace {

using namespace std::chrono_literals;

const Edge kEdge{"api", "db", "main"};

ProtocolRule rule(ProtocolAction action, const std::string& query = "") {
  ProtocolRule made;
  made.declared.text = std::string(to_string(action)) + "(" + query + ")";
  made.service = "db";
  made.interface = "main";
  made.action = action;
  if (!query.empty()) made.matchers["query"] = query;
  made.delay = 10ms;
  return made;
}

ProtocolDecision ask(ProtocolDecider& decider, const std::string& query, const Edge& edge = kEdge) {
  return decider.decide(edge, [&](const ProtocolRule& one) {
    auto wanted = one.matchers.find("query");
    return wanted == one.matchers.end() || wanted->second == query;
  });
}

TEST(ProtocolDecider, DelaysAddUpAndATerminalRuleEnds) {
  ProtocolDecider decider(1);
  decider.open({rule(ProtocolAction::delay), rule(ProtocolAction::duplicate),
                rule(ProtocolAction::delay), rule(ProtocolAction::error, "a"),
                rule(ProtocolAction::drop)});
  ProtocolDecision decision = ask(decider, "a");
  EXPECT_EQ(decision.delay, 20ms);
  EXPECT_TRUE(decision.duplicate);
  ASSERT_TRUE(decision.terminal);
  EXPECT_EQ(decision.terminal->action, ProtocolAction::error);
  EXPECT_EQ(ask(decider, "b").terminal->action, ProtocolAction::drop);
}

TEST(ProtocolDecider, NewestWindowFirst) {
  ProtocolDecider decider(1);
  decider.open({rule(ProtocolAction::drop)});
  WindowId inner = decider.open({rule(ProtocolAction::respond)});
  EXPECT_EQ(ask(decider, "x").terminal->action, ProtocolAction::respond);
  auto counted = decider.close(inner);
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted[0].seen, 1u);
  EXPECT_EQ(counted[0].applied, 1u);
  EXPECT_EQ(counted[0].action, "respond");
  EXPECT_EQ(ask(decider, "x").terminal->action, ProtocolAction::drop);
  EXPECT_TRUE(decider.close(inner).empty());
}

TEST(ProtocolDecider, ARuleIsToldWhoTookItsRequests) {
  ProtocolDecider decider(1);
  WindowId outer =
      decider.open({rule(ProtocolAction::drop, "a"), rule(ProtocolAction::delay, "b")});
  decider.open({rule(ProtocolAction::error, "a")});
  ask(decider, "a");
  ask(decider, "b");
  auto counted = decider.close(outer);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].seen, 1u);
  EXPECT_EQ(counted[0].taken, 1u);
  EXPECT_EQ(counted[0].taken_by, "error(a)");
  EXPECT_EQ(counted[1].taken, 0u);
  EXPECT_EQ(counted[1].applied, 1u);
}

TEST(ProtocolDecider, EdgesAndSources) {
  ProtocolDecider decider(1);
  ProtocolRule only_api = rule(ProtocolAction::drop);
  only_api.source = "api";
  decider.open({only_api});
  EXPECT_TRUE(decider.concerns(kEdge));
  EXPECT_FALSE(decider.concerns({"test", "db", "main"}));
  EXPECT_FALSE(decider.concerns({"api", "db", "admin"}));
  EXPECT_FALSE(decider.concerns({"api", "cache", "main"}));
  EXPECT_FALSE(ask(decider, "x", {"test", "db", "main"}).terminal);
  decider.open({rule(ProtocolAction::drop)});
  EXPECT_TRUE(decider.concerns({"test", "db", "main"}));
}

TEST(ProtocolDecider, TriggersAndCounters) {
  ProtocolDecider decider(1);
  ProtocolRule second = rule(ProtocolAction::delay, "a");
  second.trigger.nth = 2;
  decider.open({second});
  EXPECT_EQ(ask(decider, "a").delay, 0ms);
  EXPECT_EQ(ask(decider, "b").delay, 0ms);
  EXPECT_EQ(ask(decider, "a").delay, 10ms);
  auto counted = decider.counters();
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted[0].interface, "main");
  EXPECT_EQ(counted[0].action, "delay");
  EXPECT_EQ(counted[0].detail, "10ms");
  EXPECT_EQ(counted[0].seen, 3u);
  EXPECT_EQ(counted[0].matched, 2u);
  EXPECT_EQ(counted[0].applied, 1u);
}

}  // namespace
}  // namespace mishap::fault
