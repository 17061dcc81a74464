#include "mishap/net/network_scope.h"

#include <fcntl.h>
#include <sched.h>

#include "mishap/base/check.h"

namespace mishap::net {

Result<void> enter_network(int network_namespace) {
  if (network_namespace < 0) return {};
  if (setns(network_namespace, CLONE_NEWNET) != 0) return fail_errno("enter a network namespace");
  return {};
}

Result<UniqueFd> current_network() {
  UniqueFd current(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!current) return fail_errno("open /proc/thread-self/ns/net");
  return current;
}

Result<NetworkScope> NetworkScope::enter(int network_namespace) {
  if (network_namespace < 0) return NetworkScope(UniqueFd());
  MISHAP_ASSIGN(UniqueFd home, current_network());
  MISHAP_TRY(enter_network(network_namespace));
  return NetworkScope(std::move(home));
}

NetworkScope::~NetworkScope() {
  if (!home_) return;
  // A thread in the wrong network would go on quietly doing the wrong thing.
  MISHAP_CHECK(setns(home_.get(), CLONE_NEWNET) == 0, "leave a network namespace: errno {}", errno);
}

}  // namespace mishap::net
