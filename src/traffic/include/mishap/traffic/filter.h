// Filters: protocol knowledge without I/O.
//
// A connection through a relay has two independent directions. A filter is given the bytes of a
// direction as they come and answers through a Sink: what to forward, what to inject, what to hold
// back, when to close. It never sees a socket, a clock or a thread, so every protocol is tested
// byte by byte. The relay calls a filter from one thread only, and never from inside a Sink call.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "mishap/base/duration.h"
#include "mishap/event/event.h"
#include "mishap/fault/decider.h"

namespace mishap::traffic {

enum class Direction { to_server, to_client };
constexpr Direction opposite(Direction d) {
  return d == Direction::to_server ? Direction::to_client : Direction::to_server;
}

/// How a connection is ended.
enum class Ending {
  finish,  ///< what was sent is delivered, then both directions get a FIN
  reset,   ///< both sides get a RST at once
};

/// What a filter can do. The bytes given to `send` are copied.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Appends bytes to what `direction`'s receiver will read.
  virtual void send(Direction direction, std::string_view bytes) = 0;
  /// Half-close: nothing more will be sent in this direction.
  virtual void send_eof(Direction direction) = 0;
  /// Ends the connection; the filter is not called again.
  virtual void end(Ending ending) = 0;
  /// Calls Filter::on_timer(token) after `delay`. A filter that delays holds its bytes itself
  /// meanwhile.
  virtual void start_timer(Nanoseconds delay, uint64_t token) = 0;
  /// Asks whether the conversation may begin to use `part` of the server (a database) now. True: go
  /// on. False: hold both directions; Filter::on_timer(token) is called once it may.
  virtual bool ask_leave(const std::string& part, uint64_t token) = 0;
  /// Asks the relay to stop reading from `direction`'s sender (back-pressure while the filter holds
  /// bytes), or to go on.
  virtual void pause(Direction direction, bool paused) = 0;
  /// Asks the rules of this edge. Thread-safe deciders are behind it.
  virtual fault::ProtocolDecision decide(
      const std::function<bool(const fault::ProtocolRule&)>& matches) = 0;
  /// Whether any rule is open for this edge now. Without one a filter keeps track of the protocol's
  /// state but asks nothing.
  virtual bool has_rules() const = 0;
  /// Emits a `proxy` event, or for the action "unparsed" (bytes pass unread from now on) a
  /// `proxy_parse_error`, for "tls_error" a `proxy_tls_error` and for "handshake" a
  /// `proxy_handshake_complete`: the relay adds service, interface, protocol, from and conn_id.
  virtual void report(std::string_view action, event::Fields fields) = 0;
};

/// One connection's protocol state. Bytes may be cut anywhere, down to one at a time.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual void on_bytes(Direction direction, std::string_view bytes, Sink& sink) = 0;
  /// The sender of `direction` half-closed. Default behaviour of a filter that holds nothing:
  /// sink.send_eof(direction).
  virtual void on_eof(Direction direction, Sink& sink) = 0;
  virtual void on_timer(uint64_t token, Sink& sink) = 0;
};

}  // namespace mishap::traffic
