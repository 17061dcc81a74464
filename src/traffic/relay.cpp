#include "mishap/traffic/relay.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "mishap/base/check.h"
#include "mishap/net/sockets.h"

namespace mishap::traffic {

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::client_eof:
      return "client_eof";
    case CloseReason::server_eof:
      return "server_eof";
    case CloseReason::rule_drop:
      return "rule_drop";
    case CloseReason::io_error:
      return "io_error";
    case CloseReason::context_cancel:
      return "context_cancel";
  }
  return "";
}

Relay::Relay(net::Loop& loop, UniqueFd client, UniqueFd upstream, std::unique_ptr<Filter> filter,
             Buffer& buffer, RelayOwner& owner)
    : loop_(loop),
      client_(std::move(client)),
      upstream_(std::move(upstream)),
      filter_(std::move(filter)),
      buffer_(buffer),
      owner_(owner) {
  side(Direction::to_server).source = side(Direction::to_client).target = client_.get();
  side(Direction::to_client).source = side(Direction::to_server).target = upstream_.get();
}

Relay::~Relay() = default;

void Relay::start() {
  net::set_no_delay(client_.get());
  net::set_no_delay(upstream_.get());
  if (net::peer_address(upstream_.get())) {
    watch_both();
    return;
  }
  auto watch =
      loop_.watch(upstream_.get(), {.write = true}, [this](net::Readiness) { on_connected(); });
  if (!watch) return close(CloseReason::io_error, true);
  upstream_watch_ = std::move(*watch);
}

void Relay::on_connected() {
  upstream_watch_.cancel();
  if (net::connect_result(upstream_.get())) return watch_both();
  // A server may have said something and reset the connection before anybody looked.
  char first = 0;
  if (recv(upstream_.get(), &first, 1, MSG_PEEK) <= 0) return close(CloseReason::io_error, true);
  watch_both();
  pass_reset(Direction::to_client);
}

void Relay::watch_both() {
  connected_ = true;
  auto client = loop_.watch(client_.get(), {},
                            [this](net::Readiness r) { on_ready(Direction::to_server, r); });
  auto upstream = loop_.watch(upstream_.get(), {},
                              [this](net::Readiness r) { on_ready(Direction::to_client, r); });
  if (!client || !upstream) return close(CloseReason::io_error, true);
  client_watch_ = std::move(*client);
  upstream_watch_ = std::move(*upstream);
  settle();
}

bool Relay::may_read(Direction direction) const {
  const Side& here = side(direction);
  const Side& back = side(opposite(direction));
  if (here.source_ended || here.paused || here.stalled || ending_) return false;
  if (here.held_bytes() >= kBufferBytes) return false;
  // Replies made up from this input pile up on the way back; the receiver must take them first.
  // Bytes that merely pass there do not count: the two directions are independent.
  return back.held_bytes() < kBufferBytes || back.injected_until <= back.delivered;
}

/// Whether a stalled direction is still to be watched for something that it keeps back.
bool Relay::awaits_loss(Direction direction) const {
  const Side& here = side(direction);
  return here.stalled && !here.silenced;
}

void Relay::note_loss(Direction direction) {
  side(direction).silenced = true;
  owner_.silenced(*this, direction);
}

void Relay::on_ready(Direction reads, net::Readiness ready) {
  if (ready.write && !flush(opposite(reads))) return;
  if (ready.read && awaits_loss(reads)) note_loss(reads);
  if (ready.read && may_read(reads)) pump(reads);
  settle();
}

void Relay::pump(Direction direction) {
  ssize_t count = recv(side(direction).source, buffer_.data(), buffer_.size(), 0);
  if (count > 0) {
    accept_bytes(direction, {buffer_.data(), static_cast<size_t>(count)});
  } else if (count == 0) {
    source_eof(direction);
  } else if (errno != EAGAIN && errno != EINTR) {
    pass_reset(direction);
  }
}

void Relay::accept_bytes(Direction direction, std::string_view bytes) {
  if (filter_) {
    current_ = direction;
    in_filter_ = true;
    filter_->on_bytes(direction, bytes, *this);
    in_filter_ = false;
    return;
  }
  Side& here = side(direction);
  here.queued += bytes.size();
  give(here, bytes, 1);
}

/// Takes bytes for the receiver. When nothing waits before them and there are at least
/// `least_uncopied`, what the kernel takes at once is not copied. An error shows again in the flush
/// of what is left.
void Relay::give(Side& here, std::string_view bytes, size_t least_uncopied) {
  bool at_once = here.held_bytes() == 0 && !here.stalled && !here.pacing && connected_;
  if (at_once && bytes.size() >= least_uncopied) {
    ssize_t sent = ::send(here.target, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      here.delivered += static_cast<uint64_t>(sent);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  here.held.append(bytes);
  if (here.pacing && !bytes.empty()) here.pacing->add(PacingClock::now(), bytes.size());
}

/// The end of the stream follows what is held.
void Relay::want_eof(Side& here) {
  if (std::exchange(here.eof_wanted, true)) return;
  if (here.pacing) here.pacing->add(PacingClock::now(), 0);
}

size_t Relay::ripe_bytes(Side& here) const {
  if (here.stalled) return 0;
  size_t held = here.held_bytes();
  return here.pacing && held > 0 ? here.pacing->ripe(PacingClock::now(), held) : held;
}

void Relay::source_eof(Direction direction) {
  Side& here = side(direction);
  here.source_ended = true;
  if (!any_ended_) client_ended_first_ = direction == Direction::to_server;
  any_ended_ = true;
  if (!filter_) return want_eof(here);
  current_ = direction;
  in_filter_ = true;
  filter_->on_eof(direction, *this);
  in_filter_ = false;
}

// The source of `from` is broken. What it sent before is still in the kernel's queue and is
// delivered first, as it would have been without us between them. One that had said its end before
// has only not waited for the other's last words.
void Relay::pass_reset(Direction from) {
  if (closed_) return;
  Side& here = side(from);
  bool had_ended = std::exchange(here.source_ended, true);
  if (!had_ended) {
    while (!ending_ && !reset_wanted_) {
      ssize_t count = recv(here.source, buffer_.data(), buffer_.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      accept_bytes(from, {buffer_.data(), static_cast<size_t>(count)});
    }
    if (!flush(from)) return;
  }
  // What is held back for a while comes before the reset, which is held back as well.
  here.broken = here.stalled || (here.pacing && here.held_bytes() > 0);
  if (here.broken) return;
  close(had_ended && any_ended_ ? natural_end() : CloseReason::io_error, true);
}

CloseReason Relay::natural_end() const {
  return client_ended_first_ ? CloseReason::client_eof : CloseReason::server_eof;
}

bool Relay::flush(Direction direction) {
  if (closed_) return false;
  Side& here = side(direction);
  if (here.stalled) return true;
  while (size_t ripe = ripe_bytes(here)) {
    ssize_t sent = ::send(here.target, here.held.data() + here.held_from, ripe, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      // Nobody is there to take it; whoever still sends from there is heard out first.
      here.held.clear();
      here.held_from = 0;
      pass_reset(opposite(direction));
      return !closed_;
    }
    here.held_from += static_cast<size_t>(sent);
    here.delivered += static_cast<uint64_t>(sent);
    if (here.pacing) here.pacing->left(static_cast<size_t>(sent));
  }
  if (here.held_bytes() == 0) {
    here.held.clear();
    here.held_from = 0;
    bool ends = here.eof_wanted && (!here.pacing || here.pacing->end_is_ripe(PacingClock::now()));
    if (ends && !std::exchange(here.eof_sent, true)) net::shutdown_write(here.target);
  } else if (here.held_from > kBufferBytes) {
    here.held.erase(0, std::exchange(here.held_from, 0));
  }
  return true;
}

namespace {
/// Takes what has arrived out of the kernel, because closing a socket with unread input resets it,
/// and the reset may overtake what was sent last.
void discard_input(int fd, Relay::Buffer& buffer) {
  while (recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) {
  }
}
}  // namespace

void Relay::settle() {
  if (closed_) return;
  if (reset_wanted_) return close(CloseReason::rule_drop, true);
  if (!flush(Direction::to_server) || !flush(Direction::to_client)) return;
  if (!pace(Direction::to_server) || !pace(Direction::to_client)) return;
  for (Direction direction : {Direction::to_server, Direction::to_client}) {
    const Side& here = side(direction);
    if (awaits_loss(direction) && here.held_bytes() > 0) note_loss(direction);
    if (here.broken && !here.stalled && here.held_bytes() == 0)
      return close(CloseReason::io_error, true);
  }
  Side& forth = side(Direction::to_server);
  Side& back = side(Direction::to_client);
  if (forth.eof_sent && back.eof_sent) {
    discard_input(client_.get(), buffer_);
    discard_input(upstream_.get(), buffer_);
    return close(ending_ || !any_ended_ ? CloseReason::rule_drop : natural_end(), false);
  }
  auto reads = [this](Direction direction) {
    return may_read(direction) || (awaits_loss(direction) && !side(direction).source_ended);
  };
  client_watch_.set({.read = reads(Direction::to_server), .write = ripe_bytes(back) > 0});
  upstream_watch_.set({.read = reads(Direction::to_client), .write = ripe_bytes(forth) > 0});
}

void Relay::shape(Direction direction, const Shape& shape) {
  Side& here = side(direction);
  if (closed_ || shape == (here.pacing ? here.pacing->shape() : Shape())) return;
  here.told = {};
  here.ripening.cancel();
  if (shape.empty()) {
    here.pacing.reset();
  } else {
    if (!here.pacing) here.pacing = std::make_unique<Pacing>(here.held_bytes());
    here.pacing->set(shape);
  }
  if (connected_) settle();
}

void Relay::tell_effect(Direction direction, ShapeEffect effect) {
  bool& told = side(direction).told[static_cast<size_t>(effect)];
  if (!std::exchange(told, true)) owner_.shaped(*this, direction, effect);
}

/// What a shape does beyond holding back: looks again when more is ripe, and resets. False: it is
/// closed.
bool Relay::pace(Direction direction) {
  Side& here = side(direction);
  if (!here.pacing || here.stalled) return true;
  if (here.pacing->must_reset(here.held_bytes())) {
    tell_effect(direction, ShapeEffect::reset);
    close(CloseReason::rule_drop, true);
    return false;
  }
  if (here.pacing->stalls(here.held_bytes())) tell_effect(direction, ShapeEffect::stalled);
  auto next = here.pacing->next();
  if (!next) return true;
  tell_effect(direction, ShapeEffect::slowed);
  Nanoseconds wait = std::max<Nanoseconds>(*next - PacingClock::now(), Nanoseconds(0));
  here.ripening = loop_.after(wait, [this] { settle(); });
  return true;
}

void Relay::stall(Direction direction, bool stalled) {
  Side& here = side(direction);
  if (closed_ || std::exchange(here.stalled, stalled) == stalled) return;
  here.silenced = false;
  if (connected_) settle();
}

void Relay::abort(CloseReason reason) {
  if (!closed_) close(reason, true);
}

void Relay::close(CloseReason reason, bool with_reset) {
  if (closed_) return;
  closed_ = true;
  client_watch_.cancel();
  upstream_watch_.cancel();
  timers_.clear();
  for (Side& here : sides_) here.ripening.cancel();
  if (with_reset) {
    net::close_with_reset(std::move(client_));
    net::close_with_reset(std::move(upstream_));
  }
  client_.reset();
  upstream_.reset();
  owner_.closed(*this, reason);
}

void Relay::send(Direction direction, std::string_view bytes) {
  Side& here = side(direction);
  if (bytes.empty() || here.eof_wanted || ending_ || reset_wanted_) return;
  give(here, bytes, kLargePieceBytes);
  here.queued += bytes.size();
  if (in_filter_ && direction != current_) here.injected_until = here.queued;
}

void Relay::send_eof(Direction direction) { want_eof(side(direction)); }

void Relay::end(Ending ending) {
  timers_.clear();
  if (ending == Ending::reset) {
    reset_wanted_ = true;
    return;
  }
  ending_ = true;
  want_eof(side(Direction::to_server));
  want_eof(side(Direction::to_client));
}

void Relay::start_timer(Nanoseconds delay, uint64_t token) {
  uint64_t id = ++next_timer_;
  timers_.push_back({id, token, loop_.after(delay, [this, id] { fire(id); })});
}

bool Relay::ask_leave(const std::string& part, uint64_t token) {
  return owner_.ask_leave(*this, part, [this, token] {
    filter_->on_timer(token, *this);
    settle();
  });
}

void Relay::fire(uint64_t id) {
  auto found = std::find_if(timers_.begin(), timers_.end(),
                            [id](const PendingTimer& timer) { return timer.id == id; });
  if (found == timers_.end()) return;
  uint64_t token = found->token;
  timers_.erase(found);
  filter_->on_timer(token, *this);
  settle();
}

void Relay::pause(Direction direction, bool paused) { side(direction).paused = paused; }

fault::ProtocolDecision Relay::decide(
    const std::function<bool(const fault::ProtocolRule&)>& matches) {
  return owner_.decide(*this, matches);
}
bool Relay::has_rules() const { return owner_.has_rules(*this); }
void Relay::report(std::string_view action, event::Fields fields) {
  owner_.report(*this, action, std::move(fields));
}

}  // namespace mishap::traffic
