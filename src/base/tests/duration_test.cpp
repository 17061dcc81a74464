#include "mishap/base/duration.h"

#include <gtest/gtest.h>

namespace mishap {
namespace {

TEST(Duration, Parses) {
  struct Case {
    const char* text;
    int64_t nanoseconds;
  };
  const Case cases[] = {{"0", 0},
                        {"-0", 0},
                        {" 500ms ", 500'000'000},
                        {"1h2m3.5s", 3'723'500'000'000},
                        {"250us", 250'000},
                        {"250\u00b5s", 250'000},
                        {"250\u03bcs", 250'000},
                        {"-1.5s", -1'500'000'000},
                        {"+2m", 120'000'000'000},
                        {".5s", 500'000'000},
                        {"5.s", 5'000'000'000},
                        {"1.0000000000000000000000001s", 1'000'000'000},
                        {"7ns", 7}};
  for (const Case& c : cases) {
    auto value = parse_duration(c.text);
    ASSERT_TRUE(value) << c.text << ": " << value.error().message;
    EXPECT_EQ(value->count(), c.nanoseconds) << c.text;
  }
}

TEST(Duration, ExplainsWhatIsWrong) {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"5", "bad duration \"5\": a number needs a unit, as in \"500ms\" or \"2s\""},
      {"5 s",
       "bad duration \"5 s\": the units are ns, us, ms, s, m and h, as in \"500ms\" or \"1m30s\""},
      {"2d",
       "bad duration \"2d\": the units are ns, us, ms, s, m and h, as in \"500ms\" or \"1m30s\""},
      {"", "bad duration \"\": expected a number and a unit, as in \"500ms\" or \"1m30s\""},
      {"-", "bad duration \"-\": expected a number and a unit, as in \"500ms\" or \"1m30s\""},
      {".s", "bad duration \".s\": expected a number and a unit, as in \"500ms\" or \"1m30s\""},
      {"1sx", "bad duration \"1sx\": expected a number and a unit, as in \"500ms\" or \"1m30s\""},
      {"3000000h", "bad duration \"3000000h\": longer than 292 years"},
      {"99999999999999999999s", "bad duration \"99999999999999999999s\": longer than 292 years"},
  };
  for (const Case& c : cases) {
    auto value = parse_duration(c.text);
    ASSERT_FALSE(value) << c.text;
    EXPECT_EQ(value.error().message, c.message);
  }
}

TEST(Duration, Formats) {
  struct Case {
    int64_t nanoseconds;
    const char* text;
  };
  const Case cases[] = {{0, "0s"},
                        {1, "1ns"},
                        {250'000, "250\u00b5s"},
                        {1'500, "1.5\u00b5s"},
                        {500'000'000, "500ms"},
                        {1'500'000, "1.5ms"},
                        {1'500'000'000, "1.5s"},
                        {120'000'000'000, "2m0s"},
                        {3'723'500'000'000, "1h2m3.5s"},
                        {3'600'000'000'000, "1h0m0s"},
                        {-1'500'000'000, "-1.5s"},
                        {INT64_MIN, "-2562047h47m16.854775808s"}};
  for (const Case& c : cases) EXPECT_EQ(format_duration(Nanoseconds(c.nanoseconds)), c.text);
}

}  // namespace
}  // namespace mishap
