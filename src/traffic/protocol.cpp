#include "mishap/traffic/protocol.h"

#include <fmt/format.h>

#include "mishap/traffic/tls.h"

namespace mishap::traffic {

std::unique_ptr<TlsUpgrade> Protocol::make_tls_upgrade() const { return nullptr; }

Result<std::unique_ptr<Follower>> Protocol::follow(FollowRequest request, net::Deadline) const {
  return fail(fmt::format("{} has no event source \"{}\"", name(), request.kind));
}

}  // namespace mishap::traffic
