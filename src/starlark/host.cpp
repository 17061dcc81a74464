#include "mishap/starlark/host.h"

#include <fmt/format.h>

#include "mishap/starlark/callable.h"
#include "mishap/starlark/library.h"
#include "mishap/starlark/operations.h"

#include "utf8.h"

namespace mishap::starlark {

void HostObject::append_repr(std::string& out) const {
  out.append("<").append(type_name()).append(">");
}

Result<bool> HostObject::equals(const HostObject& other, int /*depth*/) const {
  return this == &other;
}

Result<std::optional<int>> HostObject::order(const HostObject& /*other*/, int /*depth*/) const {
  return std::optional<int>();
}

Result<Value> HostObject::attr(Thread& /*thread*/, std::string_view /*name*/) { return Value(); }

Result<void> HostObject::set_attr(Thread& /*thread*/, std::string_view name,
                                  const Value& /*value*/) {
  return fail(fmt::format("can't assign to .{} field of {}", name, type_name()));
}

Result<Value> HostObject::call(Thread& /*thread*/, const CallArgs& /*args*/) {
  return fail(fmt::format("invalid call of non-function ({})", type_name()));
}

Result<Value> HostObject::index(Thread& /*thread*/, const Value& /*key*/) { return Value(); }

Result<void> HostObject::set_index(Thread& /*thread*/, const Value& /*key*/,
                                   const Value& /*value*/) {
  return fail(fmt::format("{} value does not support item assignment", type_name()));
}

std::unique_ptr<HostIterator> HostObject::iterate(Thread& /*thread*/) { return nullptr; }

Result<std::optional<bool>> HostObject::contains(Thread& /*thread*/, const Value& /*item*/) {
  return std::optional<bool>();
}

Result<Value> HostObject::binary(Thread& /*thread*/, BinaryOperator /*op*/, const Value& /*other*/,
                                 bool /*reversed*/) {
  return Value();
}

Result<Value> HostObject::unary(Thread& /*thread*/, UnaryOperator /*op*/) { return Value(); }

}  // namespace mishap::starlark
