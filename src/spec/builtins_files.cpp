// load_file, load_json, load_yaml, struct, halt, duration, and the modules json, math and
// time.
#include <cstdlib>

#include <fmt/format.h>

#include "binding.h"
#include "text_files.h"
#include "world.h"

namespace mishap::spec {
namespace {

namespace fs = std::filesystem;
using starlark::Signature;
namespace types = starlark::types;

constexpr uint64_t kLargestFileBytes = uint64_t{50} << 20;

Result<std::string> read_spec_file(CallContext& call) {
  World& world = world_of(call);
  std::string wanted(call.text(0));
  if (wanted.find("://") != std::string::npos)
    return call.error(fmt::format("{} is a URL; only files can be read", wanted));
  if (wanted.empty()) return call.error("the path is empty");
  MISHAP_TRY(refuse_nul(call, "the path", wanted));
  fs::path path = fs::path(wanted).is_absolute() ? fs::path(wanted) : world.directory / wanted;
  uint64_t limit = kLargestFileBytes;
  if (const char* given = std::getenv("FAULTBOX_LOAD_FILE_MAX_BYTES"))
    limit = std::strtoull(given, nullptr, 10);
  auto text = read_text_file(path, limit);
  if (!text) return call.error(fmt::format("{}: {}", wanted, text.error().message));
  if (world.session == nullptr)
    world.files[(world.root.parent_path() / wanted).lexically_normal().string()] = *text;
  return *text;
}

Result<Value> load_parsed(CallContext& call,
                          Result<Json> (*parse)(std::string_view text, std::string_view file)) {
  MISHAP_ASSIGN(std::string text, read_spec_file(call));
  auto parsed = parse(text, call.text(0));
  if (!parsed) return call.error(parsed.error().message);
  return starlark::from_json(call.heap(), *parsed);
}

Result<Value> halt(CallContext& call) {
  if (task_of(call.thread()).kind != TaskKind::body)
    return call.error("can only be called in a test's body");
  return fail(call.has(0) ? fmt::format("halt: {}", call.text(0)) : "halt()", kHalted);
}

}  // namespace

void install_files(World& world) {
  Heap& heap = world.interpreter.heap();
  define(world, Signature("load_file").required("path", types::kString),
         [](CallContext& call) -> Result<Value> {
           MISHAP_ASSIGN(std::string text, read_spec_file(call));
           return call.heap().string(text);
         });
  define(world, Signature("load_json").required("path", types::kString),
         [](CallContext& call) { return load_parsed(call, parse_json_file); });
  define(world, Signature("load_yaml").required("path", types::kString),
         [](CallContext& call) { return load_parsed(call, parse_yaml); });
  define(world, Signature("duration").required("text", kDurationType).positional_only(),
         [](CallContext& call) -> Result<Value> {
           MISHAP_ASSIGN(Nanoseconds parsed, duration_argument(call, 0));
           return Value::integer(parsed.count());
         });
  define(world, Signature("halt").optional("reason", types::kString).positional_only(), halt);
  world.interpreter.predeclare("struct", starlark::make_struct_function(heap));
  world.interpreter.predeclare("json", starlark::make_json_module(heap));
  world.interpreter.predeclare("math", starlark::make_math_module(heap));
  world.interpreter.predeclare("time", starlark::make_time_module(heap));
}

}  // namespace mishap::spec
