#include "world.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/starlark/diagnostic.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;

starlark::Dialect spec_dialect() {
  starlark::Dialect dialect;
  dialect.allow_set = true;
  dialect.allow_global_reassign = true;
  dialect.allow_top_level_control = true;
  return dialect;
}

/// load("x.star"): beside the loading file first, then beside the root spec. The key is the
/// resolved path.
class FileLoader final : public starlark::ModuleLoader {
 public:
  explicit FileLoader(World& world) : world_(world) {}

  Result<std::string> resolve(std::string_view name, std::string_view from_key) override {
    if (name.starts_with("@")) return fail("this version has no built-in library of that name");
    fs::path wanted(name);
    std::vector<fs::path> tried;
    if (wanted.is_absolute()) {
      tried = {wanted};
    } else {
      if (!from_key.empty()) tried.push_back(fs::path(from_key).parent_path() / wanted);
      tried.push_back(world_.directory / wanted);
    }
    for (const auto& candidate : tried) {
      std::error_code error;
      fs::path real = fs::canonical(candidate, error);
      if (!error && fs::is_regular_file(real, error)) return real.string();
    }
    return fail(fmt::format("no such file beside {} or the spec",
                            from_key.empty() ? "it" : "the loading file"));
  }

  Result<starlark::SourceText> read(const std::string& key) override {
    std::ifstream in(key, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return fail_errno("cannot read " + key);
    std::string shown = shown_name(key);
    world_.files[shown] = text.str();
    return starlark::SourceText{shown, text.str()};
  }

 private:
  /// As the user named it: the root as typed, others relative to its directory.
  std::string shown_name(const std::string& key) const {
    std::error_code error;
    if (fs::canonical(world_.root, error) == key && !error) return world_.root.string();
    fs::path base = world_.root.parent_path();
    fs::path relative = fs::relative(key, world_.directory, error);
    return error ? key : (base / relative).lexically_normal().string();
  }
  World& world_;
};

starlark::Sources sources_of(const World& world) {
  starlark::Sources sources;
  for (const auto& [name, text] : world.files) sources.add(name, text);
  return sources;
}

std::string_view acting_place(TaskKind kind) {
  return kind == TaskKind::monitor ? "a monitor" : "a predicate";
}

}  // namespace

const engine::Service* Declarations::find_service(std::string_view name) const {
  auto found =
      std::find_if(services.begin(), services.end(), [&](const auto& s) { return s.name == name; });
  return found == services.end() ? nullptr : &*found;
}

World::World(fs::path spec)
    : root(std::move(spec)),
      directory(fs::absolute(root).parent_path()),
      interpreter(spec_dialect()),
      loader_(std::make_unique<FileLoader>(*this)) {
  interpreter.set_loader(loader_.get());
  interpreter.print = [](Thread&, std::string_view line) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  install_builtins(*this);
}

World::~World() = default;

void World::add_message(LoadMessage::Level level, SourcePos pos, std::string message) {
  LoadMessage entry;
  entry.level = level;
  entry.pos = pos;
  std::string_view word = level == LoadMessage::Level::warning ? "warning" : "info";
  entry.rendered = fmt::format("{}: {}: {}\n", pos.text(), word, message);
  entry.message = std::move(message);
  messages.push_back(std::move(entry));
}

Task& task_of(const Thread& thread) { return *static_cast<Task*>(thread.user); }
World& world_of(const Thread& thread) { return task_of(thread).world; }
World& world_of(const CallContext& call) { return world_of(call.thread()); }

Result<cell::Session*> session_of(const CallContext& call) {
  World& world = world_of(call);
  if (world.session != nullptr) return world.session;
  return fail(
      fmt::format("{}() cannot be called while the spec loads: nothing runs yet; call it from a "
                  "scenario or a test",
                  call.name()));
}

Result<cell::Session*> acting_session_of(const CallContext& call) {
  TaskKind kind = task_of(call.thread()).kind;
  if (kind == TaskKind::monitor || kind == TaskKind::predicate) {
    return fail(fmt::format("{}() cannot be called from {}: it only looks at events", call.name(),
                            acting_place(kind)));
  }
  return session_of(call);
}

Result<void> require_loading(const CallContext& call) {
  if (task_of(call.thread()).kind == TaskKind::load) return {};
  return fail(fmt::format(
      "{}() declares something: call it at the top level of the spec, not while a test runs",
      call.name()));
}

void define(World& world, starlark::Signature signature, starlark::NativeFunction body) {
  std::string name = signature.name();
  world.interpreter.predeclare(name, starlark::make_builtin(world.interpreter.heap(),
                                                            std::move(signature), std::move(body)));
}

void install_builtins(World& world) {
  install_topology(world);
  install_faults(world);
  install_tests(world);
  install_windows(world);
  install_assertions(world);
  install_monitors(world);
  install_files(world);
}

LoadMessage render_error(const World& world, const starlark::Diagnostic& error, std::string code) {
  LoadMessage message;
  message.code = std::move(code);
  message.message = error.message;
  message.pos = error.pos;
  message.rendered = starlark::render(error, sources_of(world));
  return message;
}

std::string render_backtrace(const World&, const starlark::EvalError& error) {
  // The last frame is what the reason already shows; a stack of one adds nothing.
  size_t frames = std::count_if(error.stack.begin(), error.stack.end(),
                                [](const auto& f) { return f.pos.line != 0; });
  return frames > 1 ? starlark::traceback(error) : "";
}

std::string source_line(const World& world, const SourcePos& pos) {
  auto file = world.files.find(pos.file);
  if (file == world.files.end() || pos.line < 1) return "";
  auto lines = split(file->second, '\n');
  if (static_cast<size_t>(pos.line) > lines.size()) return "";
  std::string_view line = lines[static_cast<size_t>(pos.line) - 1];
  return std::string(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
}

}  // namespace mishap::spec
