#include <gtest/gtest.h>

#include "time_layout.h"
#include "time_zone.h"

namespace mishap::starlark {
namespace {

TEST(TimeZone, FollowsTheClockChanges) {
  const auto zone = TimeZone::load("Europe/Berlin");
  if (!zone) GTEST_SKIP() << "no zone files on this machine";
  const ZonedTime summer{1303479228, 0, *zone};
  EXPECT_EQ(format_time(summer, "2006-01-02T15:04:05Z07:00 MST"), "2011-04-22T15:33:48+02:00 CEST");
  // The hour that comes twice: its first time is meant. The hour that never comes: the clock was
  // not yet moved.
  EXPECT_EQ(from_civil({2011, 10, 30, 2, 30}, *zone).seconds, 1319934600);
  const auto skipped = from_civil({2011, 3, 27, 2, 30}, *zone);
  EXPECT_EQ(format_time(skipped, "15:04 MST"), "03:30 CEST");
}

TEST(TimeZone, RefusesWhatIsNoZone) {
  for (const char* name : {"Nowhere/Else", "../etc/passwd", "/etc/localtime", "Europe"}) {
    const auto zone = TimeZone::load(name);
    ASSERT_FALSE(zone) << name;
    EXPECT_EQ(zone.error().message, std::string("unknown time zone ") + name);
  }
}

TEST(TimeLayout, NormalisesFields) {
  const auto text = [](const CivilTime& civil) {
    return format_time(from_civil(civil, TimeZone::utc()), "2006-01-02 15:04:05.999");
  };
  EXPECT_EQ(text({2023, 14, 32, 25, 61, 61, 1'500'000'000}), "2024-03-04 02:02:02.5");
  EXPECT_EQ(text({2024, 1, 0}), "2023-12-31 00:00:00");
  EXPECT_EQ(text({0, 1, 1}), "0000-01-01 00:00:00");
}

TEST(TimeLayout, ReadsWhatItWrites) {
  const ZonedTime time{1319934600, 123456789, TimeZone::utc()};
  for (const char* layout :
       {"2006-01-02T15:04:05.999999999Z07:00", "Mon Jan _2 15:04:05.000000000 MST 2006",
        "Monday, 02-Jan-06 15:04:05.000000000 -0700", "2006-002 03:04:05.000000000 PM"}) {
    const auto read = parse_time(format_time(time, layout), layout, TimeZone::utc());
    ASSERT_TRUE(read) << layout << ": " << read.error().message;
    EXPECT_EQ(read->seconds, time.seconds) << layout;
    EXPECT_EQ(read->nanoseconds, time.nanoseconds) << layout;
  }
}

TEST(TimeLayout, SaysWhatDoesNotFit) {
  const auto message = [](const char* text) {
    return parse_time(text, "2006-01-02", TimeZone::utc()).error().message;
  };
  EXPECT_EQ(message("2024-13-01"), R"(parsing time "2024-13-01": month out of range)");
  EXPECT_EQ(message("2024-1-01"),
            R"(parsing time "2024-1-01" as "2006-01-02": cannot parse "1-01" as "01")");
  EXPECT_EQ(message("2024-02-30"), R"(parsing time "2024-02-30": day out of range)");
  EXPECT_EQ(message("2024-02-03x"), R"(parsing time "2024-02-03x": extra text: "x")");
}

}  // namespace
}  // namespace mishap::starlark
