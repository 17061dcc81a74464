// The event source `wal_stream`: the rows that a server's databases commit, read from its
// write-ahead log by logical decoding (PostgreSQL documentation, "Logical Decoding" and "Streaming
// Replication Protocol"). Why it is done this way: docs/design/sources.md.
#pragma once

#include <memory>

#include "mishap/traffic/follower.h"

namespace mishap::protocols::postgres {

/// Follows all databases of the server that take connections, those that are made later included
/// (they are followed from their first conversation on, which asks `admit`).
Result<std::unique_ptr<traffic::Follower>> follow_wal(traffic::FollowRequest request,
                                                      net::Deadline deadline);

}  // namespace mishap::protocols::postgres
