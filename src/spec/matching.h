// What selects events: a matcher, or a function that is given the event.
#pragma once

#include <string_view>

#include "mishap/event/trace.h"

#include "values.h"
#include "world.h"

namespace mishap::spec {

inline const starlark::TypeSet kMatcherType = starlark::types::kCallable.described(
    "matcher such as match.event(type=\"stdout\"), or function");

/// Error unless `value` is a matcher or can be called with an event.
Result<void> require_matcher(const CallContext& call, std::string_view parameter,
                             const Value& value, const starlark::TypeSet& wanted = kMatcherType);

/// Calls what may look and not act.
Result<Value> call_predicate(Thread& thread, const Value& predicate, const Value& argument);

/// Whether an event of `trace` matches; a callable that raises says no.
bool matches(Thread& thread, const Value& matcher_or_callable, const event::Event& event,
             const event::Trace& trace);

/// Two filters of the same key match the same events.
void append_key(std::string& out, const event::Filter& criteria);

}  // namespace mishap::spec
