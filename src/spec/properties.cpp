#include "properties.h"

#include "matching.h"
#include "onlooker.h"
#include "values.h"

namespace mishap::spec {
namespace {

using Shared = std::shared_ptr<Onlooker>;  // of all functions of one property

monitor::Anchor anchor_of(World& world, const AnchorDeclaration& declared, const Shared& onlooker) {
  monitor::Anchor anchor;
  anchor.moment = declared.moment;
  if (!declared.matcher.is_valid()) return anchor;
  anchor.event = [&world, &declared, onlooker](const event::Event& event) {
    BatonHold hold(world.baton);
    return matches(onlooker->thread(), declared.matcher, event, {&world.session->log(), event.seq});
  };
  return anchor;
}

}  // namespace

monitor::PropertySpec property_spec(World& world, const Value& property_value) {
  const PropertyDeclaration& declared = starlark::host_cast<PropertyValue>(property_value)->value;
  auto onlooker = std::make_shared<Onlooker>(world, TaskKind::predicate);
  monitor::PropertySpec spec;
  spec.id = reinterpret_cast<uintptr_t>(property_value.object());
  spec.name = declared.name();
  spec.kind = declared.kind;
  spec.from = anchor_of(world, declared.from, onlooker);
  spec.to = anchor_of(world, declared.to, onlooker);
  spec.pos = function_pos(declared.predicate);
  if (spec.pos.line == 0) spec.pos = declared.pos;
  spec.source_line = source_line(world, spec.pos);
  auto index = std::make_shared<event::MatchIndex>();
  spec.predicate = [&world, &declared, onlooker, index](size_t count) -> monitor::Answer {
    BatonHold hold(world.baton);
    Value trace = world.interpreter.heap().make<TraceValue>(
        event::Trace{&world.session->log(), count}, index);
    auto answer = onlooker->thread().run(declared.predicate, {trace});
    if (!answer) return tl::unexpected(objection_of(world, answer.error()));
    return starlark::truth(*answer);
  };
  return spec;
}

}  // namespace mishap::spec
