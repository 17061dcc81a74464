#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/run/runner.h"

namespace mishap::run {
namespace {

std::vector<std::string> selected(const std::string& pattern) {
  std::vector<spec::TestInfo> tests;
  auto add = [&](std::string name, std::string kind, std::string scenario = "",
                 std::string fault = "") {
    tests.push_back({std::move(name), std::move(kind), std::move(scenario), std::move(fault), {}});
  };
  add("test_buy", "scenario", "buy");
  add("test_matrix_buy_db_down", "matrix", "buy", "db_down");
  add("test_matrix_buy_slow", "matrix", "buy", "slow");
  add("test_matrix_sell_slow", "matrix", "sell", "slow");
  std::vector<std::string> names;
  for (const auto& test : select_tests(tests, pattern)) names.push_back(test.name);
  return names;
}

TEST(Select, ByNameGroupRegexAndGlob) {
  using testing::ElementsAre;
  EXPECT_THAT(selected("buy"), ElementsAre("test_buy"));
  EXPECT_THAT(selected("test_buy"), ElementsAre("test_buy"));
  EXPECT_THAT(selected("matrix_buy"),
              ElementsAre("test_matrix_buy_db_down", "test_matrix_buy_slow"));
  EXPECT_THAT(selected("test_matrix_sell"), ElementsAre("test_matrix_sell_slow"));
  EXPECT_THAT(selected("~slow$"), ElementsAre("test_matrix_buy_slow", "test_matrix_sell_slow"));
  EXPECT_THAT(selected("matrix_*_slow"),
              ElementsAre("test_matrix_buy_slow", "test_matrix_sell_slow"));
  EXPECT_THAT(selected("~("), ElementsAre());
  EXPECT_THAT(selected("bu"), ElementsAre());
}

}  // namespace
}  // namespace mishap::run
