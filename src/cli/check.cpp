// mishap check
#include <filesystem>
#include <iostream>

#include <fmt/format.h>

#include "mishap/base/json.h"
#include "mishap/engine/config.h"
#include "mishap/spec/spec.h"

#include "commands.h"

namespace mishap::cli {
namespace {

std::string_view level_word(spec::LoadMessage::Level level) {
  switch (level) {
    case spec::LoadMessage::Level::error:
      return "error";
    case spec::LoadMessage::Level::warning:
      return "warning";
    case spec::LoadMessage::Level::info:
      return "info";
  }
  return "";
}

Json message_json(const spec::LoadMessage& message) {
  return Json{{"level", level_word(message.level)}, {"code", message.code},
              {"message", message.message},         {"hint", message.hint},
              {"file", message.pos.file},           {"line", message.pos.line},
              {"column", message.pos.column}};
}

/// The keys are those that tools for such specs already read; file, line and column are added.
Json document_of(const std::string& path, const spec::LoadOutcome& loaded) {
  Json document{{"schema_version", 1},    {"spec", path},        {"ok", loaded.spec != nullptr},
                {"tests", Json::array()}, {"plan_instances", 0}, {"findings", Json::array()}};
  if (loaded.spec) {
    for (const auto& test : loaded.spec->tests()) document["tests"].push_back(test.name);
    document["plan_instances"] = loaded.spec->tests().size();
  }
  for (const auto& message : loaded.messages) document["findings"].push_back(message_json(message));
  return document;
}

/// A mishap.yaml that `mishap test` would refuse is wrong here, too.
void add_config_problem(const std::string& path, spec::LoadOutcome& loaded) {
  if (!loaded.spec) return;
  auto config = engine::find_config(std::filesystem::absolute(path).parent_path());
  if (config) return;
  spec::LoadMessage message;
  message.code = "CONFIG";
  message.message = config.error().message;
  message.rendered = "error: " + message.message + "\n";
  loaded.messages.push_back(std::move(message));
  loaded.spec = nullptr;
}

std::string counted(size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

int run_check(const CheckOptions& options) {
  std::string path = spec_path(options.spec);
  if (path.empty()) return 1;
  auto loaded = spec::load(path);
  add_config_problem(path, loaded);
  if (options.json) {
    std::cout << document_of(path, loaded).dump(2, ' ', false, Json::error_handler_t::replace)
              << "\n";
    return loaded.spec ? 0 : 1;
  }
  for (const auto& message : loaded.messages) {
    (message.level == spec::LoadMessage::Level::error ? std::cerr : std::cout) << message.rendered;
  }
  if (!loaded.spec) return 1;
  std::cout << fmt::format("{}: ok: {}, {}, {}\n", path,
                           counted(loaded.spec->services().size(), "service"),
                           counted(loaded.spec->assumption_count(), "assumption"),
                           counted(loaded.spec->tests().size(), "test"));
  return 0;
}

}  // namespace mishap::cli
