// Blocking client streams with a deadline and a way to cancel them, for steps and readiness. They
// never touch the event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::net {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

/// A numeric IPv4 or IPv6 address, or a name the resolver (/etc/hosts of the cell) knows, and a
/// port.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::string text() const;  ///< "127.0.0.1:5432", "[::1]:80"
};
/// Parses "host:port", "[v6]:port"; a scheme such as "tcp://" in front is skipped. Error names the
/// text.
Result<Endpoint> parse_endpoint(std::string_view text);

/// Wakes blocked streams for good. Set from any thread; waits see it through an eventfd.
class Cancel {
 public:
  Cancel();
  void set();
  bool is_set() const;
  int fd() const { return event_.get(); }  ///< readable once set

 private:
  UniqueFd event_;
};

/// A connected TCP stream (or Unix stream when host starts with '/'). One thread at a time.
class Stream {
 public:
  /// Errors: "connect to HOST:PORT: connection refused", "… timed out", "cancelled" (code
  /// ECANCELED).
  static Result<Stream> connect(const Endpoint& endpoint, Deadline deadline, const Cancel* cancel);
  /// Reads some bytes; 0 at end of stream.
  Result<size_t> read_some(std::span<char> buffer);
  Result<void> write_all(std::string_view bytes);
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  int fd() const { return fd_.get(); }

 private:
  Stream(UniqueFd fd, Deadline deadline, const Cancel* cancel)
      : fd_(std::move(fd)), deadline_(deadline), cancel_(cancel) {}
  UniqueFd fd_;
  Deadline deadline_;
  const Cancel* cancel_;
};

/// Waits until `fd` is ready for `poll_events`, the deadline passes (code ETIMEDOUT) or `cancel` is
/// set (code ECANCELED).
Result<void> wait_ready(int fd, short poll_events, Deadline deadline, const Cancel* cancel);

}  // namespace mishap::net
