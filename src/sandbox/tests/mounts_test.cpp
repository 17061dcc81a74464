#include "mounts.h"

#include <gmock/gmock.h>

namespace mishap::sandbox {
namespace {

TEST(ParseMounts, TakesTheLastOfEachPathAndUndoesEscapes) {
  auto mounts = parse_mounts(
      "22 27 0:21 / /proc rw,relatime shared:1 master:2 - proc proc rw\n"
      "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
      "garbage\n"
      "30 27 0:9 / /a\\040b rw - tmpfs x rw\n"
      "31 27 0:9 / /a\\040b rw - xfs x rw\n"
      "32 27 0:9 / /end\\04 rw - tmpfs");
  ASSERT_EQ(mounts.size(), 4u);
  EXPECT_EQ(mounts[0].path, "/");
  EXPECT_EQ(mounts[1].path, "/a b");
  EXPECT_EQ(mounts[1].type, "xfs");
  EXPECT_EQ(mounts[2].path, "/end\\04");
  EXPECT_EQ(mounts[3].path, "/proc");
}

TEST(IsWithin, ComparesWholeNames) {
  EXPECT_TRUE(is_within("/tmp", "/tmp"));
  EXPECT_TRUE(is_within("/tmp/a", "/tmp"));
  EXPECT_FALSE(is_within("/tmpa", "/tmp"));
  EXPECT_TRUE(is_within("/a", "/"));
}

TEST(ReadMounts, KnowsTheRoot) {
  auto mounts = read_mounts();
  ASSERT_TRUE(mounts);
  EXPECT_EQ(mounts->front().path, "/");
}

}  // namespace
}  // namespace mishap::sandbox
