// Declared properties as the cell judges them.
#pragma once

#include "mishap/monitor/property.h"

#include "world.h"

namespace mishap::spec {

/// `property_value` is a PropertyValue, which the world keeps. Predicates and anchors take the
/// baton, whoever calls them.
monitor::PropertySpec property_spec(World& world, const Value& property_value);

}  // namespace mishap::spec
