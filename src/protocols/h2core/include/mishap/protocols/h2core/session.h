// A client's connection: requests one after the other, each with its whole answer. nghttp2 speaks
// the protocol, over a net::Stream.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "mishap/base/result.h"
#include "mishap/net/stream.h"
#include "mishap/protocols/h2core/headers.h"

namespace mishap::protocols::h2core {

struct ClientRequest {
  HeaderFields fields;  ///< pseudo-headers first
  std::string body;
};

struct ClientResponse {
  HeaderFields head;
  std::string body;
  HeaderFields trailers;
  /// The error code of a stream that was reset before the answer was whole. What had come is there.
  std::optional<uint32_t> reset;
};

/// One thread at a time.
class Session {
 public:
  /// Connects and says hello, without waiting for the server's. Within TLS h2 must be agreed
  /// on. Errors as of net::Stream::connect; "the server does not agree to speak HTTP/2 within TLS
  /// (ALPN h2)".
  static Result<std::unique_ptr<Session>> open(const net::Endpoint& endpoint,
                                               net::Deadline deadline, const net::Cancel* cancel);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Blocks until the server has said its SETTINGS. Error: it closed, or speaks something else.
  Result<void> wait_for_hello();
  /// Sends a request and collects the answer. Errors: transport errors (with a code; ETIMEDOUT,
  /// ECANCELED); "connection closed before the response"; "the answer is over N MiB"; "the server
  /// is going away"; "the server does not speak HTTP/2".
  Result<ClientResponse> exchange(ClientRequest request, size_t body_limit_bytes);
  /// What had come of the answer of an exchange that failed. Once; empty before any.
  ClientResponse take_incomplete();
  void set_deadline(net::Deadline deadline);

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mishap::protocols::h2core
