// One relayed connection: two independent directions between a client's socket and an upstream
// socket.
//
// Back-pressure is bounded buffering: a sender is not read while its receiver lags. A half-close is
// passed on as one; a reset is passed on as a reset, after what had arrived before it. Nothing ever
// times out here. Delays are timers of this connection alone. Without a filter the bytes go
// straight from one socket to the other.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/unique_fd.h"
#include "mishap/net/loop.h"
#include "mishap/traffic/filter.h"
#include "mishap/traffic/pacing.h"

namespace mishap::traffic {

/// Why a relayed connection ended, as `proxy_conn_close` says it.
enum class CloseReason { client_eof, server_eof, rule_drop, io_error, context_cancel };
std::string_view to_string(CloseReason reason);

class Relay;

/// Who owns a relay and knows its edge. Called on the loop's thread.
class RelayOwner {
 public:
  virtual ~RelayOwner() = default;
  virtual fault::ProtocolDecision decide(
      const Relay& relay, const std::function<bool(const fault::ProtocolRule&)>& matches) = 0;
  virtual bool has_rules(const Relay& relay) const = 0;
  /// As Sink::ask_leave; `go` is to be called on the loop's thread, unless the relay has closed.
  virtual bool ask_leave(const Relay& /*relay*/, const std::string& /*part*/,
                         const std::function<void()>& /*go*/) {
    return true;
  }
  virtual void report(const Relay& relay, std::string_view action, event::Fields fields) = 0;
  /// A stalled direction has kept something back; once per stall.
  virtual void silenced(const Relay& /*relay*/, Direction /*direction*/) {}
  /// The shape of a direction made a difference; once per shape and effect.
  virtual void shaped(const Relay& /*relay*/, Direction /*direction*/, ShapeEffect /*effect*/) {}
  /// Called once, when both sockets are closed. The relay may be destroyed any time after this call
  /// returned, not during it.
  virtual void closed(Relay& relay, CloseReason reason) = 0;
};

/// Lives on the loop's thread.
class Relay final : private Sink {
 public:
  /// Bytes held for a receiver that lags before its sender is no longer read.
  static constexpr size_t kBufferBytes = 256 * 1024;
  /// A filter's piece of this size goes out by itself; smaller ones are gathered, because a system
  /// call costs more than their copy.
  static constexpr size_t kLargePieceBytes = 16 * 1024;
  using Buffer = std::array<char, kBufferBytes>;

  /// Both sockets are non-blocking; `upstream` may still be connecting. `filter` null: bytes pass
  /// unseen. `buffer` is scratch space that all relays of a loop share; it and `owner` outlive the
  /// relay.
  Relay(net::Loop& loop, UniqueFd client, UniqueFd upstream, std::unique_ptr<Filter> filter,
        Buffer& buffer, RelayOwner& owner);
  ~Relay() override;
  void start();

  /// Silently stops or resumes one direction (a partition): nothing is read, nothing is delivered,
  /// nobody is told.
  void stall(Direction direction, bool stalled);
  /// From now on; an empty shape lets all go.
  void shape(Direction direction, const Shape& shape);
  /// Ends it: both ends see a reset. `closed` is called.
  void abort(CloseReason reason);

  uint64_t bytes(Direction direction) const { return side(direction).delivered; }
  /// A delay holds something.
  bool holds() const { return !timers_.empty(); }

 private:
  /// One direction: read from `source`, write to the other socket.
  struct Side {
    int source = -1;
    int target = -1;
    std::string held;        ///< accepted for the receiver, not yet taken by the kernel
    size_t held_from = 0;    ///< bytes of `held` already sent
    uint64_t queued = 0;     ///< bytes ever given for this direction
    uint64_t delivered = 0;  ///< of them taken by the kernel
    uint64_t injected_until =
        0;  ///< `queued` when the other direction's input last added bytes here
    bool source_ended = false;
    bool eof_wanted = false;
    bool eof_sent = false;
    bool paused = false;
    bool stalled = false;
    bool broken = false;    ///< the source was reset, which is passed on after what is held
    bool silenced = false;  ///< stalled, and the owner knows that something is kept back
    std::unique_ptr<Pacing> pacing;  ///< null: nothing is held back
    net::Timer ripening;
    std::array<bool, kShapeEffects> told{};  ///< effects that the owner knows of
    size_t held_bytes() const { return held.size() - held_from; }
  };
  Side& side(Direction d) { return sides_[d == Direction::to_client]; }
  const Side& side(Direction d) const { return sides_[d == Direction::to_client]; }

  // Sink
  void send(Direction direction, std::string_view bytes) override;
  void send_eof(Direction direction) override;
  void end(Ending ending) override;
  void start_timer(Nanoseconds delay, uint64_t token) override;
  bool ask_leave(const std::string& part, uint64_t token) override;
  void pause(Direction direction, bool paused) override;
  fault::ProtocolDecision decide(
      const std::function<bool(const fault::ProtocolRule&)>& matches) override;
  bool has_rules() const override;
  void report(std::string_view action, event::Fields fields) override;

  void on_ready(Direction reads, net::Readiness ready);
  void on_connected();
  void watch_both();
  bool may_read(Direction direction) const;
  size_t ripe_bytes(Side& here) const;
  void want_eof(Side& here);
  void tell_effect(Direction direction, ShapeEffect effect);
  bool pace(Direction direction);
  bool awaits_loss(Direction direction) const;
  void note_loss(Direction direction);
  void pump(Direction direction);
  void accept_bytes(Direction direction, std::string_view bytes);
  void give(Side& here, std::string_view bytes, size_t least_uncopied);
  void source_eof(Direction direction);
  void pass_reset(Direction from);
  CloseReason natural_end() const;
  bool flush(Direction direction);
  void settle();
  void fire(uint64_t id);
  void close(CloseReason reason, bool with_reset);

  net::Loop& loop_;
  UniqueFd client_, upstream_;
  std::unique_ptr<Filter> filter_;
  Buffer& buffer_;
  RelayOwner& owner_;
  std::array<Side, 2> sides_;
  net::Watch client_watch_, upstream_watch_;
  struct PendingTimer {
    uint64_t id;
    uint64_t token;
    net::Timer timer;
  };
  std::list<PendingTimer> timers_;
  uint64_t next_timer_ = 0;
  bool connected_ = false;
  bool closed_ = false;
  bool ending_ = false;  ///< the filter ended it orderly; what is held is still to be delivered
  bool reset_wanted_ = false;
  bool client_ended_first_ = false;
  bool any_ended_ = false;
  Direction current_ = Direction::to_server;  ///< whose input the filter is working on
  bool in_filter_ = false;
};

}  // namespace mishap::traffic
