#include <thread>

#include <gmock/gmock.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing_support::Running;

class Limits : public testing::Test {
 protected:
  Running running_;
};

TEST_F(Limits, Steps) {
  running_.thread.set_step_limit(1000);
  const auto failed = running_.interpreter.execute(running_.thread, {"f.star", "while True: pass"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "Starlark computation cancelled: too many steps");
  EXPECT_TRUE(failed.error().cancelled);
  EXPECT_GE(running_.thread.steps(), 1000U);
  running_.thread.set_step_limit(0);
  EXPECT_EQ(running_.value("1 + 1"), "2");
}

TEST_F(Limits, CallsAreStepsToo) {
  running_.thread.set_step_limit(100);
  EXPECT_EQ(running_.error("def f(n): return 0 if n == 0 else f(n - 1) + f(n - 1)\nf(20)"),
            "Starlark computation cancelled: too many steps");
}

TEST_F(Limits, CancelFromAnotherThread) {
  std::thread other([&] { running_.thread.cancel("time is up"); });
  const std::string error = running_.error("while True: pass");
  other.join();
  EXPECT_EQ(error, "Starlark computation cancelled: time is up");
  EXPECT_EQ(running_.error("len(\"\")"), "Starlark computation cancelled: time is up");
  running_.thread.clear_cancel();
  EXPECT_EQ(running_.error("len(\"\")"), "");
}

TEST_F(Limits, Memory) {
  Heap& heap = running_.interpreter.heap();
  heap.set_limit(heap.used() + (4U << 20));
  EXPECT_EQ(running_.error("x = []\nwhile True: x.append(\"some text %d\" % len(x))"),
            "memory limit exceeded");
  EXPECT_EQ(running_.error("s = \"x\"\nfor i in range(40): s += s"), "memory limit exceeded");
  EXPECT_EQ(running_.error("l = [1]\nfor i in range(40): l = l + l"), "memory limit exceeded");
  EXPECT_EQ(running_.error("[0] * 10000000"), "excessive repeat (1 * 10000000 elements)");
  EXPECT_EQ(running_.error("list(range(100000000))"), "memory limit exceeded");
  EXPECT_LT(heap.used(), heap.limit() + (8U << 20));
}

TEST_F(Limits, Depth) {
  running_.thread.set_depth_limit(50);
  EXPECT_EQ(running_.error("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nf(60)"),
            "stack overflow");
  EXPECT_EQ(running_.result("def f(n): return 0 if n == 0 else 1 + f(n - 1)\nresult = f(40)"),
            "40");
  running_.thread.set_depth_limit(100'000'000);
  EXPECT_EQ(running_.error("def f(n): return 1 + f(n + 1)\nf(0)"), "stack overflow");
}

}  // namespace
}  // namespace mishap::starlark
