// Attributes of values, and what is said of those that they do not have.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/starlark/interpreter.h"
#include "mishap/starlark/library.h"
#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

#include "spelling.h"

namespace mishap::starlark {

namespace {

/// Of a host object: what it has is told when it is no more than this.
constexpr size_t kListedAttributes = 12;

}  // namespace

Result<Value> find_attr(Thread& thread, const Value& object, std::string_view name) {
  if (object.is_host()) return object.as<HostObject>().attr(thread, name);
  const MethodTable& methods =
      thread.interpreter().library().methods[static_cast<size_t>(object.kind())];
  const Value* method = methods.find(name);
  return method == nullptr ? Value() : bind_method(thread.heap(), *method, object);
}

Result<Value> attr(Thread& thread, const Value& object, std::string_view name) {
  MISHAP_ASSIGN(Value found, find_attr(thread, object, name));
  if (found.is_valid()) return found;
  if (object.is_host()) {
    Value fallback = object.as<HostObject>().attr_fallback(thread, name);
    if (fallback.is_valid()) return fallback;
  }
  std::string message =
      fmt::format("{} has no .{} {}", type_name(object), name,
                  object.is_host() ? object.as<HostObject>().attr_noun() : "field or method");
  const std::vector<std::string> names = attr_names(thread, object);
  // A list of all there is helps more than a name that is not very near.
  const bool listed = object.is_host() && !names.empty() && names.size() <= kListedAttributes;
  if (const auto near = listed ? nearest(name, names) : nearest_name(name, names))
    message += fmt::format(" (did you mean .{}?)", *near);
  else if (listed)
    message += fmt::format(" (it has {})", join(names, ", "));
  return fail(std::move(message));
}

Result<void> set_attr(Thread& thread, const Value& object, std::string_view name,
                      const Value& value) {
  if (object.is_host()) return object.as<HostObject>().set_attr(thread, name, value);
  return fail(fmt::format("can't assign to .{} field of {}", name, type_name(object)));
}

std::vector<std::string> attr_names(Thread& thread, const Value& object) {
  std::vector<std::string> names =
      object.is_host()
          ? object.as<HostObject>().attr_names()
          : thread.interpreter().library().methods[static_cast<size_t>(object.kind())].names();
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace mishap::starlark
