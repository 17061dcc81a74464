// Blocking client streams with a deadline and a way to cancel them, for steps and readiness. They
// never touch the event loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mishap/base/result.h"
#include "mishap/base/unique_fd.h"

namespace mishap::net {

class TlsEngine;
struct TlsClient;

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

/// A numeric IPv4 or IPv6 address, "localhost" (::1, then 127.0.0.1), or a name the resolver
/// (/etc/hosts of the cell) knows, and a port.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  std::shared_ptr<const TlsClient> tls;  ///< how TLS is spoken there; null: it is not
  std::string text() const;              ///< "127.0.0.1:5432", "[::1]:80"
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

/// A connected TCP stream (or Unix stream when host starts with '/'), in TLS where the endpoint
/// says so. One thread at a time.
class Stream {
 public:
  /// Errors: "connect to HOST:PORT: connection refused", "… timed out", "… TLS: the certificate
  /// (CN=db) is not trusted: …", "cancelled" (code ECANCELED).
  static Result<Stream> connect(const Endpoint& endpoint, Deadline deadline, const Cancel* cancel);
  /// Reads some bytes; 0 at end of stream.
  Result<size_t> read_some(std::span<char> buffer);
  Result<void> write_all(std::string_view bytes);
  void set_deadline(Deadline deadline) { deadline_ = deadline; }
  /// For waiting. With TLS, bytes may be `buffered` though it is not readable, and it may be
  /// readable though `read_some` then waits for the rest of a record.
  int fd() const { return fd_.get(); }
  /// What the next `read_some` gives without waiting.
  size_t buffered() const { return plain_.size() - plain_from_; }
  /// The protocol agreed on within TLS (RFC 7301); "" when there is none.
  std::string alpn() const;

  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

 private:
  Stream(UniqueFd fd, Deadline deadline, const Cancel* cancel);
  Result<void> shake_hands(const TlsClient& tls);
  Result<size_t> receive(std::span<char> buffer);
  Result<void> send_all(std::string_view bytes);
  Result<void> flush();

  UniqueFd fd_;
  Deadline deadline_;
  const Cancel* cancel_;
  std::unique_ptr<TlsEngine> tls_;
  std::string plain_;  ///< decrypted and not read yet, from plain_from_ on
  size_t plain_from_ = 0;
};

/// Waits until `fd` is ready for `poll_events`, the deadline passes (code ETIMEDOUT) or `cancel` is
/// set (code ECANCELED).
Result<void> wait_ready(int fd, short poll_events, Deadline deadline, const Cancel* cancel);

}  // namespace mishap::net
