#include "onlooker.h"

#include <fmt/format.h>

namespace mishap::spec {
namespace {

constexpr std::string_view kFailPrefix = "fail: ";

}  // namespace

monitor::Objection objection_of(const World& world, const starlark::EvalError& error,
                                std::string_view callback) {
  std::string message = error.message;
  // Nobody but the limit ends an onlooker.
  if (error.cancelled)
    message = fmt::format("did not end within {} million steps", Onlooker::kMostSteps / 1'000'000);
  if (message.starts_with(kFailPrefix)) message.erase(0, kFailPrefix.size());
  return {std::string(callback) + message, error.pos, source_line(world, error.pos),
          render_backtrace(world, error)};
}

SourcePos function_pos(const Value& function) {
  if (function.kind() != starlark::Kind::kFunction) return {};
  return function.as<starlark::FunctionObject>().pos();
}

}  // namespace mishap::spec
