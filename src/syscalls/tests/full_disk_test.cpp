// ENOSPC behaves as on a disk that is really full.

#include <gmock/gmock.h>

#include "supervised.h"

namespace mishap::syscalls {
namespace {

using ::testing::ElementsAre;

class FullDiskTest : public SupervisedTest {
 protected:
  void SetUp() override {
    SupervisedTest::SetUp();
    deny("write", "ENOSPC");
  }
};

TEST_F(FullDiskTest, AppendsFillTheLastBlockOnly) {
  EXPECT_EQ(run("full_append", {file("f", 6000)}), 0);
  EXPECT_THAT(results(),
              ElementsAre("6000", "2000", "2", "-ENOSPC", "8000", "192", "8192", "-ENOSPC", "0"));
  EXPECT_THAT(decisions("pwrite64"),
              ElementsAre("allow", "allow", "short(2)", "deny(no space left on device)"));
}

TEST_F(FullDiskTest, HolesCannotBeFilled) {
  std::string path = file("f", 4096);
  ASSERT_EQ(truncate(path.c_str(), 1 << 20), 0);
  EXPECT_EQ(run("full_hole", {path}), 0);
  EXPECT_THAT(results(), ElementsAre("4096", "-ENOSPC", "4096"));
}

TEST_F(FullDiskTest, AllocationIsRefusedUnlessThereAlready) {
  EXPECT_EQ(run("full_fallocate", {file("f", 4096)}), 0);
  EXPECT_THAT(results(), ElementsAre("0", "-ENOSPC", "-ENOSPC", "0"));
}

TEST_F(FullDiskTest, WhatNeedsNoBlocksGoesOn) {
  for (const char* call : {"ftruncate", "fsync", "rename", "openat"}) deny(call, "ENOSPC");
  std::string preallocated = file("p", 100);
  UniqueFd fd(open(preallocated.c_str(), O_WRONLY));
  ASSERT_EQ(fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, 1 << 20), 0);
  EXPECT_EQ(run("full_allowed", {file("f", 6000), preallocated}), 0);
  EXPECT_THAT(results(), ElementsAre("4096", "0", "0", "0", "0"));
}

TEST_F(FullDiskTest, PipesAndSocketsAreNotDisks) {
  EXPECT_EQ(run("write_kinds", {file("f")}), 0);
  EXPECT_THAT(results(), ElementsAre("-ENOSPC", "1", "1", "1"));
}

}  // namespace
}  // namespace mishap::syscalls
