// A socket that never answers: where connects go while their edge is partitioned.
//
// A listener with a backlog of 0 and one connection waiting in its queue drops every further SYN
// (tcp(7), listen(2)), so a connect hangs as it does when its packets are lost, without holding the
// caller's system call.
#pragma once

#include <optional>

#include "mishap/base/unique_fd.h"
#include "mishap/net/sockets.h"

namespace mishap::traffic {

class SilentListener {
 public:
  /// The address that never answers, bound at the first call, in that network namespace (-1: the
  /// calling thread's); nothing when no socket could be had.
  std::optional<net::Address> open(int family, int network_namespace);
  /// Source port of the connection that fills the queue.
  uint16_t filler_port() const { return filler_port_; }
  /// From now on connections are accepted again; gives the listener away.
  UniqueFd end_silence();

 private:
  UniqueFd listener_, filler_;
  net::Address address_;
  uint16_t filler_port_ = 0;
};

}  // namespace mishap::traffic
