#include "mishap/traffic/protocol.h"

#include <fmt/format.h>

namespace mishap::traffic {

Result<std::unique_ptr<Follower>> Protocol::follow(FollowRequest request, net::Deadline) const {
  return fail(fmt::format("{} has no event source \"{}\"", name(), request.kind));
}

}  // namespace mishap::traffic
