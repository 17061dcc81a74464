// assume: what a spec takes for granted of the choices that were made.
#include <fmt/format.h>

#include "assumptions.h"
#include "binding.h"
#include "test_arguments.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using starlark::Signature;

/// At the top level, where all choices are the first.
Result<Value> assume(CallContext& call) {
  MISHAP_TRY(require_loading(call));
  if (!call[0].is_bool() && !starlark::is_callable(call[0]))
    return wrong_type(call, "pred", call[0], kAssumePredicate);
  if (!call[0].is_bool()) MISHAP_TRY(require_arity(call, "pred", call[0], kChoices));
  MISHAP_ASSIGN(bool holds, assumption_holds(call.thread(), call[0]));
  if (!holds) return fail(assumption_text(call[0]) + " not satisfied");
  return Value::none();
}

}  // namespace

Result<bool> assumption_holds(Thread& thread, const Value& predicate) {
  if (predicate.is_bool()) return predicate.as_bool();
  MISHAP_ASSIGN(Value answer, thread.call(predicate, {thread.heap().dict()}));
  return starlark::truth(answer);
}

std::string assumption_text(const Value& predicate) {
  return fmt::format("assume({})",
                     predicate.is_bool() ? starlark::repr(predicate) : callable_name(predicate));
}

void install_assumptions(World& world) {
  define(world, Signature("assume").required("pred").positional_only(), assume);
}

}  // namespace mishap::spec
