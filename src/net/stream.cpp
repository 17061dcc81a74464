#include "mishap/net/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/base/check.h"
#include "mishap/net/sockets.h"
#include "mishap/net/tls.h"

namespace mishap::net {
namespace {

timespec remaining(Deadline deadline) {
  auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds);
  timespec out{};
  out.tv_sec = static_cast<time_t>(seconds.count());
  out.tv_nsec = static_cast<long>(nanos.count());
  return out;
}

Result<std::vector<Address>> resolve(const Endpoint& endpoint) {
  if (endpoint.host.starts_with('/')) {
    MISHAP_ASSIGN(Address address, Address::unix_path(endpoint.host));
    return std::vector{address};
  }
  if (auto numeric = Address::numeric(endpoint.host, endpoint.port)) return std::vector{*numeric};
  // RFC 6761, 6.3: always loopback. In the order that the C library gives, whose way there leads
  // through half a dozen files.
  if (endpoint.host == "localhost") {
    std::vector<Address> loopback;
    for (const char* text : {"::1", "127.0.0.1"})
      loopback.push_back(*Address::numeric(text, endpoint.port));
    return loopback;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  int error =
      getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list);
  if (error != 0) return fail(fmt::format("unknown host \"{}\"", endpoint.host), EHOSTUNREACH);
  std::vector<Address> out;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (auto address = Address::from(entry->ai_addr, entry->ai_addrlen)) out.push_back(*address);
  }
  freeaddrinfo(list);
  return out;
}

Result<UniqueFd> connect_one(const Address& address, Deadline deadline, const Cancel* cancel) {
  MISHAP_ASSIGN(UniqueFd fd, start_connect(address));
  MISHAP_TRY(wait_ready(fd.get(), POLLOUT, deadline, cancel));
  MISHAP_TRY(connect_result(fd.get()));
  if (address.family() != AF_UNIX) set_no_delay(fd.get());
  return fd;
}

/// A name may have several addresses (::1 and 127.0.0.1): the first that answers wins.
Result<UniqueFd> connect_any(const Endpoint& endpoint, Deadline deadline, const Cancel* cancel) {
  MISHAP_ASSIGN(std::vector<Address> addresses, resolve(endpoint));
  Error last{"no address", EHOSTUNREACH};
  for (const Address& address : addresses) {
    auto fd = connect_one(address, deadline, cancel);
    if (fd) return fd;
    last = std::move(fd).error();
    if (last.code == ECANCELED || last.code == ETIMEDOUT) break;
  }
  return fail(std::move(last));
}

}  // namespace

std::string Endpoint::text() const {
  if (host.starts_with('/')) return host;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  std::string_view rest = text;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    rest.remove_prefix(scheme + 3);
  }
  auto bad = [&](std::string_view why) {
    return fail(fmt::format("bad address \"{}\": {}", text, why), EINVAL);
  };
  std::string_view host;
  if (rest.starts_with('[')) {
    size_t close = rest.find(']');
    if (close == std::string_view::npos) return bad("no closing ]");
    host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.starts_with(':')) return bad("expected HOST:PORT");
    rest.remove_prefix(1);
  } else {
    size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return bad("expected HOST:PORT");
    if (rest.find(':', colon + 1) != std::string_view::npos) {
      return bad("an IPv6 address needs brackets");
    }
    host = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  if (host.empty()) return bad("the host is empty");
  unsigned port = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
  if (error != std::errc() || end != rest.data() + rest.size() || port == 0 || port > 65535) {
    return bad("the port must be 1 to 65535");
  }
  return Endpoint{std::string(host), static_cast<uint16_t>(port), nullptr};
}

Cancel::Cancel() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  MISHAP_CHECK(event_.get() >= 0, "eventfd: errno {}", errno);
}

void Cancel::set() {
  uint64_t one = 1;
  // EAGAIN means that it is set already.
  [[maybe_unused]] ssize_t written = write(event_.get(), &one, sizeof one);
}

bool Cancel::is_set() const {
  pollfd entry{event_.get(), POLLIN, 0};
  return poll(&entry, 1, 0) == 1;
}

Result<void> wait_ready(int fd, short poll_events, Deadline deadline, const Cancel* cancel) {
  while (true) {
    pollfd entries[2] = {{fd, poll_events, 0}, {cancel != nullptr ? cancel->fd() : -1, POLLIN, 0}};
    timespec timeout = remaining(deadline);
    int count = ppoll(entries, 2, &timeout, nullptr);
    if (count < 0) {
      if (errno == EINTR) continue;
      return fail_errno("poll");
    }
    if (entries[1].revents != 0) return fail("cancelled", ECANCELED);
    if (entries[0].revents != 0) return {};  // an error or hang-up shows in the call that follows
    if (Clock::now() >= deadline) return fail("timed out", ETIMEDOUT);
  }
}

Stream::Stream(UniqueFd fd, Deadline deadline, const Cancel* cancel)
    : fd_(std::move(fd)), deadline_(deadline), cancel_(cancel) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;

/// A server may take an end without a word for an attack.
Stream::~Stream() {
  if (!tls_ || !fd_) return;
  tls_->close_notify();
  const std::string& last = tls_->output();
  [[maybe_unused]] ssize_t sent =
      send(fd_.get(), last.data(), last.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Result<Stream> Stream::connect(const Endpoint& endpoint, Deadline deadline, const Cancel* cancel) {
  auto failed = [&](Error error) {
    if (error.code == ECANCELED) return fail(std::move(error));
    return fail(std::move(error).context("connect to " + endpoint.text()));
  };
  auto fd = connect_any(endpoint, deadline, cancel);
  if (!fd) return failed(std::move(fd).error());
  Stream stream(std::move(*fd), deadline, cancel);
  if (endpoint.tls == nullptr) return stream;
  if (auto done = stream.shake_hands(*endpoint.tls); !done) return failed(std::move(done).error());
  return stream;
}

Result<void> Stream::shake_hands(const TlsClient& tls) {
  std::vector<std::string> names;
  if (tls.context.verifies() && !tls.server_name.empty()) names.push_back(tls.server_name);
  tls_ = TlsEngine::client(tls.context, {tls.server_name, tls.alpn}, std::move(names));
  std::array<char, 16 * 1024> buffer;
  while (true) {
    auto state = tls_->advance();
    // The peer may have gone: what it said before is why.
    auto sent = flush();
    if (state == TlsEngine::State::failed) return fail("TLS: " + tls_->error());
    if (!sent) return sent;
    if (state == TlsEngine::State::open) return {};
    MISHAP_ASSIGN(size_t count, receive(buffer));
    if (count == 0) {
      tls_->receive_end();
    } else {
      tls_->receive({buffer.data(), count});
    }
  }
}

std::string Stream::alpn() const { return tls_ ? tls_->alpn() : ""; }

Result<size_t> Stream::receive(std::span<char> buffer) {
  while (true) {
    ssize_t count = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (count >= 0) return static_cast<size_t>(count);
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail_errno("read");
    if (auto ready = wait_ready(fd_.get(), POLLIN, deadline_, cancel_); !ready) {
      return fail(std::move(ready).error().context("read"));
    }
  }
}

Result<size_t> Stream::read_some(std::span<char> buffer) {
  if (!tls_) return receive(buffer);
  std::array<char, 16 * 1024> bytes;
  while (buffered() == 0) {
    plain_.clear();
    plain_from_ = 0;
    switch (tls_->read(plain_)) {
      case TlsEngine::Read::some:
        break;
      case TlsEngine::Read::closed:
        return 0;
      case TlsEngine::Read::failed:
        (void)flush();
        return fail("read: TLS: " + tls_->error());
      case TlsEngine::Read::nothing:
        MISHAP_TRY(flush());
        MISHAP_ASSIGN(size_t count, receive(bytes));
        if (count == 0) return 0;
        tls_->receive({bytes.data(), count});
    }
  }
  size_t count = std::min(buffered(), buffer.size());
  std::memcpy(buffer.data(), plain_.data() + plain_from_, count);
  plain_from_ += count;
  return count;
}

Result<void> Stream::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail_errno("write");
    if (auto ready = wait_ready(fd_.get(), POLLOUT, deadline_, cancel_); !ready) {
      return fail(std::move(ready).error().context("write"));
    }
  }
  return {};
}

Result<void> Stream::flush() {
  auto sent = send_all(tls_->output());
  tls_->output().clear();
  return sent;
}

Result<void> Stream::write_all(std::string_view bytes) {
  if (!tls_) return send_all(bytes);
  tls_->write(bytes);
  if (!tls_->error().empty()) return fail("write: TLS: " + tls_->error());
  return flush();
}

}  // namespace mishap::net
