#include "saved_outputs.h"

#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "mishap/base/testing/temporary_directory.h"

namespace mishap::run {
namespace {

namespace fs = std::filesystem;

class SavedOutputs : public ::testing::Test {
 protected:
  static event::TestResult printed(size_t lines) {
    event::TestResult result;
    result.name = "test_buy";
    result.run = 2;
    result.outputs = {{"db", "the tail", ""}};
    for (size_t i = 0; i < lines; ++i) {
      event::Event event;
      event.type = i % 2 == 0 ? "stdout" : "stderr";
      event.service = i == 3 ? "cache" : "db";
      event.fields = {{"raw", fmt::format("line {} password=hunter2", i)}};
      result.events.push_back(event);
    }
    return result;
  }

  static std::string content(const fs::path& file) {
    std::ifstream in(file);
    return (std::ostringstream() << in.rdbuf()).str();
  }

  const TemporaryDirectory temporary_;
  const fs::path root_ = temporary_.path();
};

TEST_F(SavedOutputs, LongOnesGoToAFileWithoutTheirSecrets) {
  auto result = printed(12);
  save_long_outputs(result, root_);
  EXPECT_EQ(result.outputs[0].saved_to, root_ / "test_buy.2.db.log");
  std::string saved = content(result.outputs[0].saved_to);
  EXPECT_TRUE(
      saved.starts_with("line 0 password=***\nline 1 password=***\nline 2 password=***\n"
                        "line 4 password=***\n"))
      << saved;
  EXPECT_TRUE(saved.ends_with("line 11 password=***\n")) << saved;
}

TEST_F(SavedOutputs, ShortOnesAreShownAnyway) {
  auto result = printed(event::kShownOutputLines);
  save_long_outputs(result, root_);
  EXPECT_EQ(result.outputs[0].saved_to, "");
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(SavedOutputs, WhatCannotBeSavedIsSaid) {
  auto result = printed(20);
  save_long_outputs(result, root_ / "nowhere");
  EXPECT_EQ(result.outputs[0].saved_to, "");
  EXPECT_EQ(result.notes, std::vector<std::string>{"the output of db could not be saved to " +
                                                   (root_ / "nowhere/test_buy.2.db.log").string()});
}

TEST_F(SavedOutputs, AKeptCellHasTheLogsOfAllItsServices) {
  auto result = printed(5);
  result.kept = root_.string();
  keep_logs(result, false);
  EXPECT_EQ(content(root_ / "logs/cache.log"), "line 3 password=***\n");
  EXPECT_TRUE(content(root_ / "logs/db.log").ends_with("line 4 password=***\n"));
  EXPECT_TRUE(result.notes.empty());
}

TEST_F(SavedOutputs, AKeptLaneHasThemForEachTest) {
  auto result = printed(5);
  result.kept = root_.string();
  keep_logs(result, true);
  EXPECT_EQ(content(root_ / "logs/test_buy.2/cache.log"), "line 3 password=***\n");
}

TEST_F(SavedOutputs, ARunStartsWithAnEmptyDirectory) {
  fs::create_directories(root_ / "output");
  std::ofstream(root_ / "output/test_old.db.log") << "old";
  std::ofstream(root_ / "output/notes.txt") << "not ours";
  auto made = fresh_output_directory(root_ / "output");
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(*made, root_ / "output");
  EXPECT_FALSE(fs::exists(root_ / "output/test_old.db.log"));
  EXPECT_TRUE(fs::exists(root_ / "output/notes.txt"));
}

TEST_F(SavedOutputs, WhereTheSpecsDirectoryCannotBeWrittenItIsTheTemporaryOne) {
  std::ofstream(root_ / "file") << "";
  setenv("TMPDIR", root_.c_str(), 1);
  auto made = fresh_output_directory(root_ / "file/output");
  unsetenv("TMPDIR");
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(*made, root_ / fmt::format("mishap-output-{}", geteuid()));
}

}  // namespace
}  // namespace mishap::run
