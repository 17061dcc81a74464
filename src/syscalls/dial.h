// The steps of a redirected connect() (redirect.h tells the idea).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <sys/types.h>

#include "mishap/base/unique_fd.h"
#include "mishap/syscalls/address.h"
#include "mishap/syscalls/redirect.h"

#include "notify.h"
#include "task.h"

namespace mishap::syscalls {

using DialClock = std::chrono::steady_clock;

/// A connect() whose upstream dial has not ended yet. The program's call waits meanwhile, the
/// supervisor does not.
struct Dial {
  uint64_t call_id = 0;
  UniqueFd client;  ///< the program's socket
  UniqueFd upstream;
  bool client_waits = true;  ///< a blocking socket
  Route route;
  SocketAddress destination;
  std::optional<DialClock::time_point> deadline;
};

/// What a redirected connection's socket is, for knowing its peer later.
struct Redirected {
  Reply reply;
  ino_t socket = 0;  ///< 0: not redirected
};

/// One thread.
class Redirector {
 public:
  Redirector(ConnectRouter& router, std::string consumer)
      : router_(router), consumer_(std::move(consumer)) {}

  /// Starts the dial; answers at once when it ended at once, or when the call is none of our
  /// business.
  std::variant<Redirected, Dial> begin(Task& task, uint64_t call_id, int fd,
                                       const SocketAddress& destination);
  /// The dial's socket became writable, or its deadline passed.
  Redirected finish(Dial dial);

 private:
  Redirected connect_to_relay(Dial& dial, bool upstream_connected);
  ConnectRouter& router_;
  std::string consumer_;
};

}  // namespace mishap::syscalls
