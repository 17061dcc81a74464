// What a user is told about a command line: the exact words, and the exit code.
#include "mishap/cli/cli.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"

#include "arguments.h"
#include "commands.h"

namespace mishap::cli {
namespace {

namespace fs = std::filesystem;

struct Told {
  int exit_code = 0;
  std::string out, err;
};

Told told(std::vector<std::string> words) {
  words.insert(words.begin(), "mishap");
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (auto& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Told result;
  result.exit_code = main(static_cast<int>(argv.size()), argv.data());
  result.out = testing::internal::GetCapturedStdout();
  result.err = testing::internal::GetCapturedStderr();
  return result;
}

void expect_error(const std::vector<std::string>& words, const std::string& message) {
  Told result = told(words);
  EXPECT_EQ(result.err, "error: " + message + "\n");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
}

/// A directory of its own as the working directory, gone afterwards.
class CommandLine : public testing::Test {
 protected:
  CommandLine() { fs::current_path(directory_); }
  ~CommandLine() override { fs::current_path(before_); }
  void write(const std::string& name, const std::string& text) { std::ofstream(name) << text; }
  void write_spec() {
    write("shop.star",
          "web = service(\"web\", interface(\"main\", \"http\", 8080), binary = \"/bin/true\")\n"
          "def test_buy():\n    pass\n"
          "def test_sell():\n    pass\n");
  }

  const TemporaryDirectory temporary_;
  const fs::path directory_ = temporary_.path(), before_ = fs::current_path();
};

TEST_F(CommandLine, VersionIsOneLine) {
  for (const char* word : {"version", "--version"}) {
    Told result = told({word});
    EXPECT_EQ(result.out, std::string("mishap ") + kVersion + "\n");
    EXPECT_EQ(result.exit_code, 0);
  }
}

TEST_F(CommandLine, HelpIsTheSameHoweverItIsAskedFor) {
  std::string help = told({"--help"}).out;
  EXPECT_NE(help.find("Examples:\n  mishap check spec.star"), std::string::npos);
  EXPECT_EQ(told({}).out, help);
  EXPECT_EQ(told({"help"}).out, help);
  EXPECT_EQ(told({}).exit_code, 0);
  EXPECT_EQ(told({"help", "test"}).out, told({"test", "--help"}).out);
  EXPECT_NE(told({"help", "test"}).out.find("--image NAME=PROGRAM"), std::string::npos);
}

TEST_F(CommandLine, UnknownWordsNameTheNearestKnownOne) {
  expect_error(
      {"tset"},
      "unknown command \"tset\"; did you mean \"test\"?\n"
      "known are test, shell, check, doctor, provision, starlark, version; see mishap --help");
  expect_error({"--verzion"},
               "unknown option \"--verzion\"; did you mean \"--version\"?\nsee mishap --help");
  expect_error({"test", "a.star", "--sed", "3"},
               "unknown option \"--sed\"; did you mean \"--seed\"?\nsee mishap test --help");
  expect_error({"check", "--fromat=json"},
               "unknown option \"--fromat\"; did you mean \"--format\"?\nsee mishap check --help");
  expect_error({"test", "-q"}, "unknown option \"-q\"\nsee mishap test --help");
}

TEST_F(CommandLine, BadValuesAreErrors) {
  expect_error({"test", "--seed", "x"},
               "--seed \"x\": write a whole number from 0 to 18446744073709551615");
  expect_error({"test", "--seed=-1"},
               "--seed \"-1\": write a whole number from 0 to 18446744073709551615");
  expect_error({"test", "--seed", "18446744073709551616"},
               "--seed \"18446744073709551616\": write a whole number from 0 to "
               "18446744073709551615");
  expect_error({"test", "--runs", "0"}, "--runs \"0\": write a whole number from 1 to 1000000");
  expect_error({"test", "--jobs", "2x"}, "--jobs \"2x\": write a whole number from 1 to 1024");
  expect_error({"test", "--format", "xml"}, "--format \"xml\": write text or json");
  expect_error({"check", "--format", "xml"}, "--format \"xml\": write text or json");
  expect_error({"doctor", "--format", "xml"}, "--format \"xml\": write text or json");
  expect_error({"test", "--show", "none"}, "--show \"none\": write all or fail");
  expect_error({"test", "--output", "nowhere/x.json"},
               "--output \"nowhere/x.json\": there is no directory nowhere; make it first");
  expect_error({"test", "--junit", "/"}, "--junit \"/\": it is a directory; name a file");
}

TEST_F(CommandLine, MissingAndSurplusArgumentsAreNamed) {
  expect_error({"test", "--image"}, "--image needs a value\nsee mishap test --help");
  expect_error({"test", "a.star", "b.star"}, "too many arguments: b.star\nsee mishap test --help");
  expect_error({"starlark"},
               "mishap starlark: write run, test or repl\nsee mishap starlark --help");
  expect_error({"starlark", "walk"}, "mishap starlark \"walk\": write run, test or repl");
  expect_error({"starlark", "run"}, "mishap starlark run takes one file");
  expect_error({"starlark", "test"}, "mishap starlark test takes files");
  expect_error({"starlark", "repl", "a.star"}, "mishap starlark repl takes no file");
}

TEST_F(CommandLine, SpecsThatAreNotThere) {
  expect_error({"test"},
               "no spec is named, and there is neither ./mishap.star nor ./faultbox.star");
  expect_error({"check", "."}, ". is a directory with neither mishap.star nor faultbox.star");
  expect_error({"test", "none.star"}, "cannot read none.star: no such file");
  expect_error({"starlark", "run", "none.star"},
               "cannot read none.star: No such file or directory");
  expect_error({"starlark", "run", "."}, "cannot read .: it is a directory");
}

TEST_F(CommandLine, CheckSumsUpASpec) {
  write_spec();
  Told result = told({"check", "shop.star"});
  EXPECT_EQ(result.out, "shop.star: ok: 1 service, 0 assumptions, 2 tests\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(told({"check", "--format", "json", "shop.star"}).out, R"({
  "schema_version": 1,
  "spec": "shop.star",
  "ok": true,
  "tests": [
    "test_buy",
    "test_sell"
  ],
  "plan_instances": 2,
  "findings": []
}
)");
}

TEST_F(CommandLine, ADirectoryStandsForItsSpec) {
  write_spec();
  fs::rename("shop.star", "faultbox.star");
  EXPECT_EQ(told({"check"}).out, "faultbox.star: ok: 1 service, 0 assumptions, 2 tests\n");
  EXPECT_EQ(told({"check", "."}).out, "./faultbox.star: ok: 1 service, 0 assumptions, 2 tests\n");
}

TEST_F(CommandLine, DryRunListsWhatWouldRun) {
  write_spec();
  Told result = told({"test", "shop.star", "--dry-run", "--test", "buy"});
  EXPECT_EQ(result.out,
            "Dry-run: loaded shop.star\nServices: 1\n  - web\nTests: 1\n  - test_buy\n");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_FALSE(fs::exists(".mishap"));
}

TEST_F(CommandLine, APatternThatMatchesNothingShowsWhatThereIs) {
  write_spec();
  expect_error({"test", "shop.star", "--test", "bye"},
               "no test matches \"bye\"; did you mean \"test_buy\"?\n"
               "there are test_buy, test_sell");
}

TEST_F(CommandLine, ASpecWithoutTestsSaysHowToAddOne) {
  write("empty.star", "");
  expect_error({"test", "empty.star"},
               "empty.star declares no tests: add scenario(f), or a function test_…()");
}

TEST_F(CommandLine, AnImageOptionShowsItsForm) {
  write_spec();
  expect_error({"test", "shop.star", "--image", "web"},
               "--image \"web\": write NAME=PROGRAM, as in --image myapp:latest=./bin/myapp");
}

TEST_F(CommandLine, StarlarkRunsScriptsAndCases) {
  write("hello.star", "print(\"hello\", 1 + 1)\n");
  EXPECT_EQ(told({"starlark", "run", "hello.star"}).out, "hello 2\n");
  write("loop.star", "def f(n):\n    while n > 0:\n        n -= 1\n    return n\nprint(f(3))\n");
  EXPECT_EQ(told({"starlark", "run", "loop.star"}).exit_code, 1);
  EXPECT_EQ(told({"starlark", "run", "--while", "loop.star"}).out, "0\n");
  write("cases.star", "x = 1\n---\ny = 1 // 0 ### \"zero\"\n---\nz = 1\nfail(\"oh\")\n");
  Told result = told({"starlark", "test", "cases.star"});
  EXPECT_TRUE(result.out.starts_with("cases.star:6: ")) << result.out;
  EXPECT_TRUE(result.out.ends_with("2 passed, 1 failed\n")) << result.out;
  EXPECT_EQ(result.exit_code, 1);
}

TEST(Listed, StopsAtItsLimit) {
  std::vector<std::string> names = {"a", "b", "c", "d"};
  EXPECT_EQ(listed(names, 4), "a, b, c, d");
  EXPECT_EQ(listed(names, 2), "a, b, and 2 more");
}

TEST(ShellWord, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_word("my-api:latest=./bin/api"), "my-api:latest=./bin/api");
  EXPECT_EQ(shell_word("my api"), "'my api'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("~regex"), "'~regex'");
}

TEST_F(CommandLine, WhatCanBeProvisioned) {
  expect_error({"provision"}, "mishap provision: write kafka\nsee mishap provision --help");
  expect_error({"provision", "redis"},
               "mishap provision \"redis\": kafka is all that can be provisioned; mishap doctor "
               "says how to get the others");
  expect_error({"provision", "kafka", "--ofline"},
               "unknown option \"--ofline\"; did you mean \"--offline\"?\nsee mishap provision "
               "--help");
}

}  // namespace
}  // namespace mishap::cli
