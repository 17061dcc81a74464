#include <map>

#include <gmock/gmock.h>

#include "running.h"

namespace mishap::starlark {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::everything;
using testing_support::Running;

class Files final : public ModuleLoader {
 public:
  Result<std::string> resolve(std::string_view name, std::string_view) override {
    return "/" + std::string(name.starts_with("./") ? name.substr(2) : name);
  }
  Result<SourceText> read(const std::string& key) override {
    ++reads[key];
    const auto found = files.find(key);
    if (found == files.end()) return fail("no such file");
    return SourceText{key.substr(1), found->second};
  }
  std::map<std::string, std::string> files;
  std::map<std::string, int> reads;
};

class Modules : public testing::Test {
 protected:
  Modules() { running_.interpreter.set_loader(&files_); }

  Files files_;
  Running running_{Dialect{}};
};

TEST_F(Modules, LoadOnceHoweverNamed) {
  files_.files["/lib.star"] = "print(\"loading\")\na = 1\nb = [2]\n";
  EXPECT_EQ(running_.result(
                "load(\"lib.star\", \"a\")\nload(\"./lib.star\", c = \"b\")\nresult = (a, c)"),
            "(1, [2])");
  EXPECT_EQ(files_.reads["/lib.star"], 1);
  EXPECT_THAT(running_.printed, ElementsAre("loading"));
  EXPECT_THAT(running_.interpreter.loaded_keys(), ElementsAre("/lib.star"));
}

TEST_F(Modules, LoadedNamesBelongToTheFile) {
  files_.files["/a.star"] = "x = 1\n_y = 2";
  files_.files["/b.star"] = "load(\"a.star\", \"x\")\nz = x";
  EXPECT_EQ(running_.error("load(\"b.star\", \"x\")"), "load: name x not found in module b.star");
  EXPECT_EQ(running_.error("load(\"b.star\", \"Z\")"),
            "load: name Z not found in module b.star (did you mean z?)");
  const ModuleOutcome module = running_.interpreter.load(running_.thread, "b.star");
  ASSERT_TRUE(module);
  std::vector<std::string> names;
  for (const auto& global : (*module)->globals()) names.push_back(global.name);
  EXPECT_THAT(names, ElementsAre("z"));
  EXPECT_FALSE((*module)->global("x").is_valid());
}

TEST_F(Modules, SayWhyTheyCannotBeLoaded) {
  EXPECT_EQ(running_.result("load(\"gone.star\", \"x\")"),
            "error: 1:1: cannot load gone.star: no such file");
  files_.files["/a.star"] = "load(\"b.star\", \"x\")";
  files_.files["/b.star"] = "load(\"a.star\", \"x\")";
  EXPECT_EQ(running_.error("load(\"a.star\", \"x\")"),
            "cannot load a.star: cycle in load graph: /a.star -> /b.star -> /a.star");
  running_.interpreter.set_loader(nullptr);
  EXPECT_EQ(running_.error("load(\"c.star\", \"x\")"),
            "cannot load c.star: load is not available here");
}

TEST_F(Modules, ErrorsInThemPointIntoThem) {
  files_.files["/bad.star"] = "\nx = 1 // 0\n";
  const auto failed =
      running_.interpreter.execute(running_.thread, {"f.star", "load(\"bad.star\", \"x\")"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text(), "bad.star:2:7: floored division by zero");
  EXPECT_EQ(failed.error().stack.front().pos.text(), "f.star:1:1");
  files_.files["/worse.star"] = "x = (";
  const auto worse =
      running_.interpreter.execute(running_.thread, {"f.star", "load(\"worse.star\", \"x\")"});
  ASSERT_FALSE(worse);
  EXPECT_EQ(worse.error().kind, DiagnosticKind::kSyntax);
  EXPECT_EQ(worse.error().pos.file, "worse.star");
}

TEST_F(Modules, AreFrozenAfterwards) {
  files_.files["/lib.star"] = "a = {\"k\": [1]}\ndef add(x): a[\"k\"].append(x)\nadd(2)";
  EXPECT_EQ(running_.error("load(\"lib.star\", \"a\", \"add\")\nadd(3)"),
            "append: cannot append to frozen list");
  EXPECT_EQ(running_.error("load(\"lib.star\", \"a\")\na[\"j\"] = 1"),
            "cannot insert into frozen hash table");
}

TEST_F(Modules, MadeInCpp) {
  running_.interpreter.add_module("native", {{"answer", Value::integer(42)}});
  EXPECT_EQ(running_.result("load(\"native\", \"answer\")\nresult = answer"), "42");
}

TEST_F(Modules, SeePredeclaredNames) {
  running_.interpreter.predeclare("answer", Value::integer(42));
  EXPECT_EQ(running_.value("answer"), "42");
  const Names extra = {{"answer", Value::integer(1)}, {"other", Value::integer(2)}};
  ExecuteOptions options;
  options.extra = &extra;
  const Outcome outcome =
      running_.interpreter.evaluate(running_.thread, {"f", "(answer, other)"}, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(repr(*outcome), "(1, 2)");
}

TEST_F(Modules, CheckFindsEverythingWithoutRunning) {
  const auto problems =
      running_.interpreter.check({"f.star", "print(1)\nx = unknown\ny = missing\n"});
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].pos.text(), "f.star:2:5");
  EXPECT_EQ(problems[1].pos.text(), "f.star:3:5");
  EXPECT_THAT(running_.printed, IsEmpty());
  const auto failed =
      running_.interpreter.execute(running_.thread, {"f.star", "x = unknown\ny = missing\n"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().more.size(), 1U);
}

TEST_F(Modules, SessionsGoOn) {
  Running prompt{everything()};
  const auto first = prompt.interpreter.execute(
      prompt.thread, {"<1>", "x = [1]\ndef f(): return x"}, {.freeze = false});
  ASSERT_TRUE(first);
  ExecuteOptions options;
  options.session = *first;
  ASSERT_TRUE(
      prompt.interpreter.execute(prompt.thread, {"<2>", "x.append(2)\ny = len(f())"}, options));
  const Outcome value = prompt.interpreter.evaluate(prompt.thread, {"<3>", "(x, y, f())"}, options);
  ASSERT_TRUE(value);
  EXPECT_EQ(repr(*value), "([1, 2], 2, [1, 2])");
}

}  // namespace
}  // namespace mishap::starlark
