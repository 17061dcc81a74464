// Declared monitors as the cell runs them.
#pragma once

#include "mishap/monitor/monitor.h"

#include "world.h"

namespace mishap::spec {

/// Callbacks take the baton and run on a thread of their own, whoever calls them.
monitor::MonitorSpec monitor_spec(World& world, const Value& monitor_value);

/// Starts it in the running test, for code that holds the baton: the monitor takes it to begin.
monitor::MonitorSpec start_monitor(World& world, const Value& monitor_value);

}  // namespace mishap::spec
