// Sockets in another network namespace. A socket belongs to the namespace of the thread that made
// it, for good, whoever uses it later and from where.
#pragma once

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::net {

/// Moves the calling thread into a network namespace (a descriptor of /proc/…/ns/net; borrowed) for
/// good. -1: it stays where it is. Needs CAP_SYS_ADMIN over the namespace, as a worker has.
Result<void> enter_network(int network_namespace);

/// The calling thread's network namespace. Error: /proc is missing.
Result<UniqueFd> current_network();

/// While it lives, the calling thread is in another network namespace; then it is back. Costs a few
/// microseconds; with -1 nothing. Destroyed on the thread that made it.
class NetworkScope {
 public:
  static Result<NetworkScope> enter(int network_namespace);
  NetworkScope(NetworkScope&&) noexcept = default;
  NetworkScope& operator=(NetworkScope&&) = delete;
  ~NetworkScope();

 private:
  explicit NetworkScope(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;  ///< none: the thread never left
};

}  // namespace mishap::net
