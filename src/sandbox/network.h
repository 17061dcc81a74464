// The networks of a cell: loopback, and for services that ask for it a namespace each, joined by a
// bridge. Private to the module; docs/design/network.md says why it is as it is.
#pragma once

#include "mishap/base/result.h"
#include "mishap/sandbox/cell.h"

namespace mishap::sandbox {

/// Brings lo up in the network namespace of the calling thread, which may have nothing else, and
/// sets who may have which port there; fills in `environment.low_ports`.
Result<void> set_up_loopback(const CellOptions& options, CellEnvironment& environment);

/// Makes `options.networks` and fills in the environment's, or says in `network_problem` why there
/// are none. The process must have one thread.
void make_networks(const CellOptions& options, CellEnvironment& environment);

/// Content of /etc/hosts for who is in the cell's own namespace.
std::string cell_hosts(const CellOptions& options, const CellEnvironment& environment);

}  // namespace mishap::sandbox
