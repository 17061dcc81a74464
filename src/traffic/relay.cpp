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

void Relay::on_ready(Direction reads, net::Readiness ready) {
  if (ready.write && !flush(opposite(reads))) return;
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
  if (bytes.size() >= least_uncopied && here.held_bytes() == 0 && !here.stalled && connected_) {
    ssize_t sent = ::send(here.target, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      here.delivered += static_cast<uint64_t>(sent);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  here.held.append(bytes);
}

void Relay::source_eof(Direction direction) {
  Side& here = side(direction);
  here.source_ended = true;
  if (!any_ended_) client_ended_first_ = direction == Direction::to_server;
  any_ended_ = true;
  if (!filter_) {
    here.eof_wanted = true;
    return;
  }
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
  close(had_ended && any_ended_ ? natural_end() : CloseReason::io_error, true);
}

CloseReason Relay::natural_end() const {
  return client_ended_first_ ? CloseReason::client_eof : CloseReason::server_eof;
}

bool Relay::flush(Direction direction) {
  if (closed_) return false;
  Side& here = side(direction);
  if (here.stalled) return true;
  while (here.held_bytes() > 0) {
    ssize_t sent =
        ::send(here.target, here.held.data() + here.held_from, here.held_bytes(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) {
      // Nobody is there to take it; whoever still sends from there is heard out first.
      here.held.clear();
      here.held_from = 0;
      pass_reset(opposite(direction));
      return false;
    }
    here.held_from += static_cast<size_t>(sent);
    here.delivered += static_cast<uint64_t>(sent);
  }
  if (here.held_bytes() == 0) {
    here.held.clear();
    here.held_from = 0;
    if (here.eof_wanted && !std::exchange(here.eof_sent, true)) net::shutdown_write(here.target);
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
  const Side& forth = side(Direction::to_server);
  const Side& back = side(Direction::to_client);
  if (forth.eof_sent && back.eof_sent) {
    discard_input(client_.get(), buffer_);
    discard_input(upstream_.get(), buffer_);
    return close(ending_ || !any_ended_ ? CloseReason::rule_drop : natural_end(), false);
  }
  client_watch_.set(
      {.read = may_read(Direction::to_server), .write = back.held_bytes() > 0 && !back.stalled});
  upstream_watch_.set(
      {.read = may_read(Direction::to_client), .write = forth.held_bytes() > 0 && !forth.stalled});
}

void Relay::stall(Direction direction, bool stalled) {
  if (closed_ || std::exchange(side(direction).stalled, stalled) == stalled) return;
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

void Relay::send_eof(Direction direction) { side(direction).eof_wanted = true; }

void Relay::end(Ending ending) {
  timers_.clear();
  if (ending == Ending::reset) {
    reset_wanted_ = true;
    return;
  }
  ending_ = true;
  side(Direction::to_server).eof_wanted = side(Direction::to_client).eof_wanted = true;
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
