// The methods by which an event is related to others: in time, by cause, by what it is about.
#pragma once

#include <span>
#include <string_view>

#include "values.h"

namespace mishap::spec {

/// The method of that name bound to the event; invalid when there is none.
Value event_relation(Thread& thread, const EventValue& event, std::string_view name);
std::span<const std::string_view> event_relation_names();

}  // namespace mishap::spec
