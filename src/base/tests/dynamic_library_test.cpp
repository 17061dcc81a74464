#include "mishap/base/dynamic_library.h"

#include <gtest/gtest.h>

namespace mishap {
namespace {

TEST(DynamicLibrary, FindsFunctions) {
  auto library = DynamicLibrary::load("libm.so.6", "mathematics", "libc6");
  ASSERT_TRUE(library) << library.error().message;
  double (*root)(double) = nullptr;
  ASSERT_TRUE(library->find("sqrt", root));
  EXPECT_EQ(root(16), 4);
}

TEST(DynamicLibrary, SaysWhatIsMissingAndWhereItComesFrom) {
  auto library = DynamicLibrary::load("libnone.so.1", "library of nothing", "libnone1");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().message,
            "the library of nothing could not be loaded (apt install libnone1): libnone.so.1: "
            "cannot open shared object file: No such file or directory");
  auto there = DynamicLibrary::load("libm.so.6", "mathematics", "libc6");
  void (*function)() = nullptr;
  auto found = there->find("no_such_function", function);
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().message.starts_with(
      "the mathematics could not be loaded (apt install libc6): "))
      << found.error().message;
  EXPECT_TRUE(found.error().message.ends_with("undefined symbol: no_such_function"));
}

}  // namespace
}  // namespace mishap
