#include "world.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/starlark/diagnostic.h"

#include "text_files.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;

/// Values of a spec may take this much; what takes more is a loop that does not end.
constexpr uint64_t kMostValueBytes = uint64_t{1} << 30;

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
    if (name.empty()) return fail("the path is empty");
    if (name.find("://") != std::string_view::npos)
      return fail("only files can be loaded, not URLs");
    fs::path wanted(name);
    std::vector<fs::path> tried;
    if (wanted.is_absolute()) {
      tried = {wanted};
    } else {
      if (!from_key.empty()) tried.push_back(fs::path(from_key).parent_path() / wanted);
      tried.push_back(world_.directory / wanted);
    }
    std::string why;
    for (const auto& candidate : tried) {
      auto readable = require_readable(candidate);
      std::error_code error;
      fs::path real = fs::canonical(candidate, error);
      if (readable && !error) return real.string();
      if (!readable && why.empty()) why = readable.error().message;
    }
    if (!why.starts_with("no such file")) return fail(why);
    return fail(fmt::format("no such file beside {} or the spec{}",
                            from_key.empty() ? "it" : "the loading file",
                            why.substr(std::string_view("no such file").size())));
  }

  Result<starlark::SourceText> read(const std::string& key) override {
    auto text = read_text_file(key, kLargestSpecBytes);
    if (!text) return fail(std::move(text).error());
    std::string shown = shown_name(key);
    world_.files[shown] = *text;
    world_.modules.insert(shown);
    return starlark::SourceText{shown, std::move(*text)};
  }

 private:
  /// As the user named it: the root as typed, others relative to its directory when they lie in it.
  std::string shown_name(const std::string& key) const {
    std::error_code error;
    if (fs::canonical(world_.root, error) == key && !error) return world_.root.string();
    fs::path base = world_.root.parent_path();
    fs::path relative = fs::relative(key, world_.directory, error);
    if (error || relative.string().starts_with("../../")) return key;
    return (base / relative).lexically_normal().string();
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
  interpreter.heap().set_limit(kMostValueBytes);
  interpreter.print = [](Thread&, std::string_view line) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  install_builtins(*this);
}

World::~World() = default;

void World::add_message(LoadMessage::Level level, const SourcePos& pos, std::string message) {
  LoadMessage entry;
  entry.level = level;
  entry.pos = pos;
  bool warning = level == LoadMessage::Level::warning;
  starlark::Diagnostic shown;
  shown.message = message;
  shown.pos = pos;
  starlark::RenderStyle style;
  style.level = "warning";
  entry.rendered = warning ? starlark::render(shown, sources_of(*this), style)
                           : fmt::format("{}: info: {}\n", pos.text(), message);
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
  install_parts(world);
  install_tls(world);
  install_observation(world);
  install_faults(world);
  install_tests(world);
  install_matrix(world);
  install_windows(world);
  install_partitions(world);
  install_links(world);
  install_assertions(world);
  install_monitors(world);
  install_temporal(world);
  install_waits(world);
  install_assumptions(world);
  install_files(world);
}

LoadMessage render_error(const World& world, const starlark::Diagnostic& error, std::string code) {
  LoadMessage message;
  message.code = std::move(code);
  message.message = error.message;
  message.pos = error.pos;
  message.hint = error.hint;
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
