// The server's end of a TLS connection over a socket, for tests. Waits at most ten seconds for
// anything.
#pragma once

#include <string>
#include <utility>

#include <sys/socket.h>

#include <poll.h>

#include "mishap/net/stream.h"
#include "mishap/net/tls.h"

namespace mishap::net {

class TlsPeer {
 public:
  TlsPeer(UniqueFd fd, const TlsContext& context)
      : fd_(std::move(fd)), engine_(TlsEngine::server(context)) {}

  /// Chooses the last protocol that is offered. False: `engine().error()` says why.
  bool shake_hands() {
    while (true) {
      if (engine_->advance() == TlsEngine::State::offered) {
        const auto& alpn = engine_->offer().alpn;
        engine_->accept(alpn.empty() ? "" : alpn.back());
        continue;
      }
      flush();
      if (engine_->state() != TlsEngine::State::handshaking) break;
      if (receive() == 0) engine_->receive_end();
    }
    return engine_->state() == TlsEngine::State::open;
  }
  /// Up to `count` bytes; less when the peer says its end or the connection ends ("reset" is then
  /// appended if it was one).
  std::string read(size_t count) {
    while (plain_.size() < count) {
      auto got = engine_->read(plain_);
      if (got == TlsEngine::Read::some) continue;
      if (got != TlsEngine::Read::nothing) break;
      ssize_t more = receive();
      if (more < 0) return std::exchange(plain_, {}) + "reset";
      if (more == 0) break;
    }
    std::string out = plain_.substr(0, count);
    plain_.erase(0, count);
    return out;
  }
  void write(std::string_view bytes) {
    engine_->write(bytes);
    flush();
  }
  void close_notify() {
    engine_->close_notify();
    flush();
  }
  TlsEngine& engine() { return *engine_; }
  UniqueFd take_fd() { return std::move(fd_); }
  int fd() const { return fd_.get(); }

 private:
  bool wait(short events) const {
    return bool(wait_ready(fd_.get(), events, Clock::now() + std::chrono::seconds(10), nullptr));
  }
  ssize_t receive() {
    char buffer[16 * 1024];
    if (!wait(POLLIN)) return 0;
    ssize_t count = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (count > 0) engine_->receive({buffer, static_cast<size_t>(count)});
    return count;
  }
  void flush() {
    std::string out = std::exchange(engine_->output(), {});
    for (std::string_view rest = out; !rest.empty() && wait(POLLOUT);) {
      ssize_t sent = send(fd_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) return;
      rest.remove_prefix(static_cast<size_t>(sent));
    }
  }

  UniqueFd fd_;
  std::unique_ptr<TlsEngine> engine_;
  std::string plain_;
};

}  // namespace mishap::net
