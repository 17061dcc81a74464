#include "values.h"

#include <gtest/gtest.h>

namespace mishap::protocols::postgres {
namespace {

std::string shown(unsigned type, std::string_view text) { return to_text(value_of(type, text)); }

TEST(ValueOf, KeepsTheTypesThatSpecsCompare) {
  EXPECT_EQ(shown(16, "t"), "true");
  EXPECT_EQ(shown(16, "f"), "false");
  EXPECT_EQ(shown(21, "-7"), "-7");
  EXPECT_EQ(shown(20, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(shown(20, "not a number"), "\"not a number\"");
  EXPECT_EQ(shown(701, "1.5"), "1.5");
  EXPECT_EQ(shown(701, "NaN"), "\"NaN\"");
  EXPECT_EQ(shown(701, "-Infinity"), "\"-Infinity\"");
  EXPECT_EQ(shown(1700, "1.50"), "\"1.50\"");
  EXPECT_EQ(shown(25, "text"), "\"text\"");
  EXPECT_EQ(shown(114, "{\"a\": 1}"), "\"{\\\"a\\\": 1}\"");
}

TEST(ValueOf, TimesAreRfc3339) {
  EXPECT_EQ(shown(1082, "2024-01-02"), "\"2024-01-02T00:00:00Z\"");
  EXPECT_EQ(shown(1114, "2024-01-02 03:04:05.678"), "\"2024-01-02T03:04:05.678Z\"");
  EXPECT_EQ(shown(1184, "2024-01-02 03:04:05+00"), "\"2024-01-02T03:04:05Z\"");
  EXPECT_EQ(shown(1184, "2024-01-02 03:04:05-03"), "\"2024-01-02T03:04:05-03:00\"");
  EXPECT_EQ(shown(1184, "2024-01-02 03:04:05+05:30"), "\"2024-01-02T03:04:05+05:30\"");
  EXPECT_EQ(shown(1114, "infinity"), "\"infinity\"");
  EXPECT_EQ(shown(1114, "0044-03-15 12:00:00 BC"), "\"0044-03-15 12:00:00 BC\"");
  EXPECT_EQ(shown(1082, "Jan 2, 2024"), "\"Jan 2, 2024\"");
}

}  // namespace
}  // namespace mishap::protocols::postgres
