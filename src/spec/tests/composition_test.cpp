// Assumptions made of assumptions: which rules a test's windows come to have.
#include <string>

#include <gmock/gmock.h>

#include "spec_files.h"

namespace mishap::spec {
namespace {

const std::string kServices =
    "db = service(\"db\", interface(\"pg\", \"postgres\", 5432), image = \"postgres:16\")\n"
    "api = service(\"api\", interface(\"main\", \"http\", 8080), binary = \"./api\")\n"
    "def go(): pass\n"
    "slow = fault_assumption(\"slow\", target = db, write = delay(\"1s\"))\n"
    "late = fault_assumption(\"late\", target = db.pg, rules = [delay(delay = \"1s\")])\n"
    "down = fault_assumption(\"down\", target = api, connect = deny(\"ECONNREFUSED\", to = db))\n"
    "split = partition(api, db)\n";

std::string rules_text(const cell::WindowPlan& window) {
  std::string text = window.assumption + ":";
  for (const auto& rule : window.syscall_rules)
    text += " " + rule.service + "." + rule.declared.text + "@" + rule.declared.assumption;
  for (const auto& rule : window.protocol_rules) {
    text += " " + rule.service + "." + rule.interface + " " + rule.declared.text + "@" +
            rule.declared.assumption;
  }
  for (const auto& rule : window.partitions)
    text += " " + rule.declared.text + "@" + rule.declared.assumption;
  return text + ";";
}

/// The windows of test_it with their rules and, after |, what loading said.
std::string windows(const std::string& faults) {
  SpecFiles files;
  LoadOutcome outcome = files.load_text(
      kServices + "fault_scenario(\"it\", scenario = go, faults = " + faults + ")\n");
  if (outcome.spec == nullptr) return outcome.messages.at(0).rendered;
  std::string out;
  for (const auto& window : outcome.spec->plan(outcome.spec->tests().at(0), 1, 0).windows)
    out += (out.empty() ? "" : " ") + rules_text(window);
  for (const auto& message : outcome.spec->messages()) out += " | " + message.message;
  return out;
}

std::string composed(const std::string& parts) {
  return windows("[fault_assumption(\"all\", faults = " + parts + ")]");
}

TEST(Composition, RulesOfSeveralServicesAndLayersKeepTheirTargets) {
  EXPECT_EQ(composed("[slow, late, down, split]"),
            "all: db.write=delay(1s)@slow api.connect=deny(ECONNREFUSED) to=db@down "
            "db.pg delay(delay=\"1s\")@late partition(api, db)@partition_api_db;");
}

TEST(Composition, Nests) {
  EXPECT_EQ(composed("[fault_assumption(\"x\", faults = [fault_assumption(\"y\", faults = [late]), "
                     "split]), down]"),
            "all: api.connect=deny(ECONNREFUSED) to=db@down db.pg delay(delay=\"1s\")@late "
            "partition(api, db)@partition_api_db;");
}

TEST(Composition, WhatIsReachedTwiceIsThereOnce) {
  const std::string once = "all: db.pg delay(delay=\"1s\")@late;";
  EXPECT_EQ(composed("[late]"), once);
  EXPECT_EQ(composed("[late, late]"), once);
  EXPECT_EQ(composed("[fault_assumption(\"x\", faults = [late]), late]"), once);
  EXPECT_EQ(composed("[split, fault_assumption(\"x\", faults = [split]), split]"),
            "all: partition(api, db)@partition_api_db;");
  EXPECT_EQ(composed("[slow, fault_assumption(\"x\", faults = [slow])]"),
            "all: db.write=delay(1s)@slow;");
}

TEST(Composition, AlsoOverTheWindowsOfATest) {
  EXPECT_EQ(windows("[late, fault_assumption(\"x\", faults = [late, split]), split]"),
            "late: db.pg delay(delay=\"1s\")@late; x: partition(api, db)@partition_api_db; "
            "partition_api_db:;");
}

TEST(Composition, RulesThatAreWrittenTwiceAreThereTwice) {
  EXPECT_EQ(windows("[fault_assumption(\"x\", target = db.pg, rules = [delay(delay = \"1s\")] * "
                    "2)]"),
            "x: db.pg delay(delay=\"1s\")@x db.pg delay(delay=\"1s\")@x;");
}

TEST(Composition, OfTwoRulesForTheSameCallsTheLastCounts) {
  const std::string deny = "fault_assumption(\"full\", target = db, write = deny(\"EIO\"))";
  EXPECT_EQ(composed("[slow, " + deny + "]"),
            "all: db.write=deny(EIO)@full; | fault_assumption \"all\": write=deny(EIO) on db takes "
            "the place of write=delay(1s), which is for the same calls; the last one counts");
  EXPECT_EQ(composed("[" + deny + ", slow]"),
            "all: db.write=delay(1s)@slow; | fault_assumption \"all\": write=delay(1s) on db takes "
            "the place of write=deny(EIO), which is for the same calls; the last one counts");
}

TEST(Composition, RulesForDifferentPeersOrCallsStandSideBySide) {
  EXPECT_EQ(composed("[down, fault_assumption(\"any\", target = api, connect = delay(\"1s\"))]"),
            "all: api.connect=deny(ECONNREFUSED) to=db@down api.connect=delay(1s)@any;");
  EXPECT_EQ(composed("[slow, fault_assumption(\"v\", target = db, writev = deny(\"EIO\"))]"),
            "all: db.write=delay(1s)@slow db.writev=deny(EIO)@v;");
}

TEST(Composition, MayNotFireHoldsForAllThatIsComposed) {
  SpecFiles files;
  LoadOutcome outcome = files.load_text(
      kServices +
      "x = fault_assumption(\"x\", faults = [slow, late, split], may_not_fire = True)\n"
      "fault_scenario(\"it\", scenario = go, faults = [x])\n");
  ASSERT_NE(outcome.spec, nullptr);
  const auto window = outcome.spec->plan(outcome.spec->tests().at(0), 1, 0).windows.at(0);
  EXPECT_TRUE(window.syscall_rules.at(0).declared.may_not_fire);
  EXPECT_TRUE(window.protocol_rules.at(0).declared.may_not_fire);
  EXPECT_TRUE(window.partitions.at(0).declared.may_not_fire);
}

TEST(Composition, ALaterAssumptionOfTheSameNameIsAnother) {
  EXPECT_EQ(composed("[late, fault_assumption(\"late\", target = db.pg, rules = [delay(delay = "
                     "\"2s\")])]")
                .substr(0, 63),
            "all: db.pg delay(delay=\"1s\")@late db.pg delay(delay=\"2s\")@late;");
}

}  // namespace
}  // namespace mishap::spec
