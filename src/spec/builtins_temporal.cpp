// eventually and always: what must hold some day, and all the time.
#include <array>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "matching.h"
#include "properties.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using monitor::Moment;
using monitor::PropertyKind;
using starlark::Signature;
namespace types = starlark::types;

constexpr const char* kTrace[] = {"the trace"};

struct NamedMoment {
  const char* name;
  Moment moment;
};
constexpr std::array kMoments = {NamedMoment{"body_start", Moment::body_start},
                                 NamedMoment{"body_end", Moment::body_end},
                                 NamedMoment{"stable", Moment::stable}};

/// In a test it is registered with the test; at the top level it is a value for test(…).
Result<Value> make_property(CallContext& call, PropertyDeclaration declared) {
  MISHAP_TRY(require_arity(call, "predicate", call[0], kTrace));
  World& world = world_of(call);
  declared.predicate = call[0];
  declared.pos = call.thread().caller_pos();
  if (world.session != nullptr) MISHAP_TRY(acting_session_of(call));
  Value value = call.heap().make<PropertyValue>(std::move(declared));
  if (world.session == nullptr) {
    world.declarations.properties.push_back(value);
    return value;
  }
  world.kept.push_back(value);
  ++world.assertion_count;
  world.session->properties().add(property_spec(world, value),
                                  monitor::PropertySet::Role::expectation);
  return value;
}

Result<Value> make_eventually(CallContext& call) {
  PropertyDeclaration declared;
  declared.kind = PropertyKind::eventually;
  if (call.has(1)) {
    MISHAP_TRY(require_matcher(call, "anchor", call[1]));
    declared.from.matcher = call[1];
  }
  return make_property(call, std::move(declared));
}

/// One end of between=.
Result<AnchorDeclaration> end_of(const CallContext& call, size_t index, const Value& end) {
  AnchorDeclaration anchor;
  std::string name = item_name("between", index);
  if (end.is_string()) {
    std::vector<std::string> names;
    for (const auto& known : kMoments) {
      if (end.text() == known.name) anchor.moment = known.moment;
      names.emplace_back(known.name);
    }
    if (anchor.moment) return anchor;
    return call.error(fmt::format("for parameter {}: unknown moment \"{}\"{}", name, end.text(),
                                  nearest_or_all(end.text(), names)));
  }
  if (starlark::host_cast<MatcherValue>(end) == nullptr) {
    return wrong_type(
        call, name, end,
        types::host("matcher").described("matcher, \"body_start\", \"body_end\" or \"stable\""));
  }
  anchor.matcher = end;
  return anchor;
}

Result<Value> make_always(CallContext& call) {
  PropertyDeclaration declared;
  declared.kind = PropertyKind::always;
  if (call.has(1)) {
    const auto& ends = call.object<starlark::Tuple>(1);
    if (ends.size() != 2) {
      return call.error(
          fmt::format("for parameter between: got {} end{}, want two: where the window opens and "
                      "where it closes",
                      ends.size(), ends.size() == 1 ? "" : "s"));
    }
    MISHAP_ASSIGN(declared.from, end_of(call, 0, ends[0]));
    MISHAP_ASSIGN(declared.to, end_of(call, 1, ends[1]));
    if (declared.to.moment == Moment::body_start) {
      return call.error(
          "between= ends at \"body_start\", before which no property is looked at, so the window "
          "never closes");
    }
    if (declared.from.moment == Moment::body_end && declared.to.moment == Moment::body_end)
      return call.error("between= opens where it closes, at \"body_end\"");
  }
  return make_property(call, std::move(declared));
}

}  // namespace

std::string PropertyDeclaration::name() const {
  return fmt::format("{}({})", kind == PropertyKind::eventually ? "eventually" : "always",
                     callable_name(predicate));
}

std::string_view PropertyValue::type_name() const {
  return value.kind == PropertyKind::eventually ? "eventually" : "always";
}

void PropertyValue::append_repr(std::string& out) const {
  out += fmt::format("<{} {}>", type_name(), callable_name(value.predicate));
}

void PropertyValue::visit_children(const starlark::ValueVisitor& visit) {
  for (Value* child : {&value.predicate, &value.from.matcher, &value.to.matcher}) visit(*child);
}

void install_temporal(World& world) {
  define(world, Signature("eventually").required("predicate", types::kCallable).nullable("anchor"),
         make_eventually);
  define(world,
         Signature("always")
             .required("predicate", types::kCallable)
             .nullable("between", types::kTuple.described("tuple of two ends")),
         make_always);
}

}  // namespace mishap::spec
