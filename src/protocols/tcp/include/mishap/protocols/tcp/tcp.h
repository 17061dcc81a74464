// Raw TCP: step send (one line out, one line back), faults response delay drop on the first bytes
// of a connection.
#pragma once

#include "mishap/traffic/protocol.h"

namespace mishap::protocols::tcp {

/// Its matcher `method` is a literal, case-sensitive prefix of the first bytes the client sends;
/// without it every connection's first bytes match. Connections on which the server speaks first
/// just work.
const traffic::Protocol& tcp_protocol();

}  // namespace mishap::protocols::tcp
