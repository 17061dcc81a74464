#include "mishap/engine/config.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"

namespace mishap::engine {
namespace {

using ::testing::ElementsAre;

TEST(SplitCommand, LikeAShell) {
  EXPECT_THAT(*split_command("  ./bin/api --name 'two words'\t\"a \\\"b\\\"\" x\\ y ''"),
              ElementsAre("./bin/api", "--name", "two words", "a \"b\"", "x y", ""));
  EXPECT_THAT(*split_command(""), ElementsAre());
  EXPECT_EQ(split_command("a 'b").error().message, "unfinished quote in \"a 'b\"");
}

TEST(ParseImageOption, NameAndProgram) {
  const auto option = parse_image_option("myapp:latest=./bin/app --port 80");
  ASSERT_TRUE(option);
  EXPECT_EQ(option->first, "myapp:latest");
  EXPECT_THAT(option->second, ElementsAre("./bin/app", "--port", "80"));
  for (const char* text : {"myapp", "=x", "myapp="}) {
    EXPECT_EQ(parse_image_option(text).error().message,
              "--image \"" + std::string(text) +
                  "\": write NAME=PROGRAM, as in --image myapp:latest=./bin/myapp");
  }
  EXPECT_EQ(parse_image_option("a='b").error().message,
            "--image \"a='b\": unfinished quote in \"'b\"");
}

TEST(ParseConfig, Images) {
  const auto config = parse_config(
      "images:\n  myapp:latest: ./bin/app --fast\n  'other/*': [python3, app.py, 8080]\n",
      "/proj/mishap.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->images.at("myapp:latest"), ElementsAre("/proj/bin/app", "--fast"));
  EXPECT_THAT(config->images.at("other/*"), ElementsAre("python3", "app.py", "8080"));
  EXPECT_TRUE(parse_config("", "/proj/mishap.yaml")->images.empty());
}

std::string config_error(const std::string& text) {
  const auto config = parse_config(text, "/p/mishap.yaml");
  return config ? "no error" : config.error().message;
}

TEST(ParseConfig, Errors) {
  EXPECT_EQ(config_error("\nimage:\n  a: b\n"),
            "/p/mishap.yaml:2: unknown key \"image\"; did you mean \"images\"?");
  EXPECT_EQ(config_error("volumes: 1\n"),
            "/p/mishap.yaml:1: unknown key \"volumes\"; known: images");
  EXPECT_EQ(config_error("images: [a]\n"),
            "/p/mishap.yaml:1: images: must map image names to programs");
  EXPECT_EQ(config_error("- a\n"), "/p/mishap.yaml: must be a mapping, as in \"images: {…}\"");
  EXPECT_EQ(config_error("images:\n  \"a:1\": {x: 1}\n"),
            "/p/mishap.yaml:2: images: \"a:1\": must be a command line or a list of words");
  EXPECT_EQ(config_error("images:\n  a: [[b]]\n"),
            "/p/mishap.yaml:2: images: \"a\": must be a command line or a list of words");
  EXPECT_EQ(config_error("images:\n  a: ''\n"),
            "/p/mishap.yaml:2: images: \"a\": no program is given");
  EXPECT_EQ(config_error("images:\n  a: \"'b\"\n"),
            "/p/mishap.yaml:2: images: \"a\": unfinished quote in \"'b\"");
  EXPECT_EQ(config_error("images: {"), "/p/mishap.yaml:2:1: did not find expected node content");
}

TEST(FindConfig, InTheNearestParent) {
  TemporaryDirectory root;
  std::filesystem::create_directories(root.path() / "a/b");
  EXPECT_TRUE(find_config(root.path() / "a/b")->file.empty());
  std::ofstream(root.path() / "mishap.yaml") << "images: {x: ./run}\n";
  const auto config = find_config(root.path() / "a/b");
  EXPECT_EQ(config->file, root.path() / "mishap.yaml");
  EXPECT_THAT(config->images.at("x"), ElementsAre((root.path() / "run").string()));
}

}  // namespace
}  // namespace mishap::engine
