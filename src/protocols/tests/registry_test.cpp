#include "mishap/protocols/registry.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mishap::protocols {
namespace {

TEST(Registry, FindsByName) {
  EXPECT_THAT(names(), ::testing::IsSupersetOf(
                           {"grpc", "http", "http2", "kafka", "postgres", "redis", "tcp"}));
  EXPECT_TRUE(std::is_sorted(names().begin(), names().end()));
  for (const std::string& name : names()) EXPECT_EQ(find(name)->name(), name);
  EXPECT_EQ(find("gopher"), nullptr);
}

TEST(Registry, EachMethodHasAtMostOnePrimaryParameter) {
  for (const std::string& name : names()) {
    for (const traffic::StepMethod& method : find(name)->methods()) {
      auto primary = [](const traffic::StepParameter& parameter) { return parameter.primary; };
      EXPECT_LE(std::count_if(method.parameters.begin(), method.parameters.end(), primary), 1)
          << name << "." << method.name;
    }
  }
}

}  // namespace
}  // namespace mishap::protocols
