// One gRPC call as a client makes it: messages there, messages and a status back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mishap/protocols/h2core/session.h"

namespace mishap::protocols::grpc {

/// All messages of an answer together may not be larger.
constexpr size_t kAnswerLimitBytes = size_t{256} << 20;

struct CallRequest {
  std::string path;
  std::vector<std::string> messages;
  h2core::HeaderFields metadata;
  std::optional<std::chrono::milliseconds> timeout;  ///< what the server is told
};

struct CallOutcome {
  int status = 0;
  std::string message;  ///< of the status
  std::vector<std::string> messages;
  h2core::HeaderFields headers;  ///< the trailers behind them
  /// Why there is no whole answer: the errno, 0 when there is one, or no errno to it. Messages that
  /// had come are there.
  int transport_error = 0;
  /// "rpc error: code = Unavailable desc = …"; "" for OK.
  std::string error() const;
};

/// Sends the call over the session and collects what comes. A call that fails is an outcome, as
/// gRPC's clients have it: no connection is UNAVAILABLE, no time left DEADLINE_EXCEEDED.
CallOutcome call(h2core::Session& session, const net::Endpoint& server, const CallRequest& request);
/// Of a transport error.
CallOutcome outcome_of(const Error& error);

}  // namespace mishap::protocols::grpc
