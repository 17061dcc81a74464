// Two TLS ends and a filter between them.
//
//   client ── TLS ── client_ ══ plain bytes ══ inner filter ══ plain bytes ══ server_ ── TLS ──
//   server
//
// The handshakes are interleaved. The client's first message says whom it wants to talk to and in
// which protocols; with exactly that the server is asked, and only once it has agreed, and its
// certificate is found good, the client gets an answer, which chooses what the server chose. So
// what the server refuses is refused to the client too, by the same alert.
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "mishap/traffic/tls.h"

namespace mishap::traffic {
namespace {

using net::TlsEngine;

/// RFC 8446, 6.2: of what is not the client's doing.
constexpr int kInternalError = 80;
/// By which a client says that it does not trust the certificate: bad_certificate,
/// certificate_unknown, unknown_ca.
constexpr std::array kDistrust = {42, 46, 48};
constexpr size_t kGatheredBytes = 64 * 1024;

class TlsFilter final : public Filter, private Sink {
 public:
  TlsFilter(std::unique_ptr<Filter> inner, std::shared_ptr<const TlsTermination> tls,
            std::unique_ptr<TlsUpgrade> upgrade, std::vector<std::string> alpn)
      : inner_(std::move(inner)),
        tls_(std::move(tls)),
        upgrade_(std::move(upgrade)),
        alpn_(std::move(alpn)) {
    if (!upgrade_) begin_tls();
  }

  void on_bytes(Direction direction, std::string_view bytes, Sink& sink) override;
  void on_eof(Direction direction, Sink& sink) override;
  void on_timer(uint64_t token, Sink& sink) override;

 private:
  enum class Phase { asking, shaking_hands, open, plain, over };
  /// What is known of one direction's end.
  struct End {
    bool said = false;       ///< its sender said within TLS that nothing more will come
    bool came = false;       ///< its sender's connection has ended
    bool passed_on = false;  ///< the filter has ended it
    bool sent = false;       ///< and so has the connection to the receiver
  };

  // Sink: what the inner filter does, once the connection is open.
  void send(Direction direction, std::string_view bytes) override;
  void send_eof(Direction direction) override;
  void end(Ending ending) override;
  void start_timer(Nanoseconds delay, uint64_t token) override {
    outer_->start_timer(delay, token);
  }
  bool ask_leave(const std::string& part, uint64_t token) override {
    return outer_->ask_leave(part, token);
  }
  void pause(Direction direction, bool paused) override { outer_->pause(direction, paused); }
  fault::ProtocolDecision decide(
      const std::function<bool(const fault::ProtocolRule&)>& matches) override {
    return outer_->decide(matches);
  }
  bool has_rules() const override { return outer_->has_rules(); }
  void report(std::string_view action, event::Fields fields) override {
    outer_->report(action, std::move(fields));
  }

  void ask(Direction direction, std::string_view bytes);
  void begin_tls();
  void stay_plain();
  void shake_hands();
  void ask_server();
  void open();
  void pump(Direction direction);
  void flush();
  void end_receiver(Direction direction);
  void fail_client();
  void fail_server();
  void report_failure(const char* side, std::string error);
  /// The end that faces the sender of a direction.
  TlsEngine* sender(Direction direction) {
    return direction == Direction::to_server ? client_.get() : server_.get();
  }
  TlsEngine* receiver(Direction direction) { return sender(opposite(direction)); }
  End& end_of(Direction direction) { return ends_[direction == Direction::to_client]; }
  std::string& waiting(Direction direction) { return waiting_[direction == Direction::to_client]; }

  std::unique_ptr<Filter> inner_;
  std::shared_ptr<const TlsTermination> tls_;
  std::unique_ptr<TlsUpgrade> upgrade_;
  std::vector<std::string> alpn_;  ///< what the inner filter reads
  Sink* outer_ = nullptr;          ///< of the call that runs
  Phase phase_ = Phase::asking;
  std::array<std::string, 2> waiting_;  ///< before it is decided what they are
  std::unique_ptr<TlsEngine> client_;   ///< the end that the client talks to
  std::unique_ptr<TlsEngine> server_;   ///< and the one that talks to the server
  bool client_began_ = false;
  std::array<End, 2> ends_;
};

void TlsFilter::on_bytes(Direction direction, std::string_view bytes, Sink& sink) {
  outer_ = &sink;
  switch (phase_) {
    case Phase::asking:
      return ask(direction, bytes);
    case Phase::plain:
      return inner_->on_bytes(direction, bytes, sink);
    case Phase::over:
      return;
    case Phase::shaking_hands:
      if (direction == Direction::to_server) client_began_ = true;
      if (sender(direction) == nullptr) {
        // A server that speaks before it is asked.
        waiting(direction) += bytes;
        if (waiting(direction).size() > kGatheredBytes) sink.pause(direction, true);
      } else {
        sender(direction)->receive(bytes);
      }
      return shake_hands();
    case Phase::open:
      sender(direction)->receive(bytes);
      pump(direction);
      return flush();
  }
}

void TlsFilter::on_eof(Direction direction, Sink& sink) {
  outer_ = &sink;
  if (phase_ == Phase::asking) stay_plain();
  if (phase_ == Phase::over) return;
  if (phase_ == Phase::plain) return inner_->on_eof(direction, sink);
  End& ended = end_of(direction);
  ended.came = true;
  if (phase_ == Phase::open) {
    if (ended.said) {
      if (ended.passed_on) end_receiver(direction);
    } else {
      inner_->on_eof(direction, *this);
    }
    return flush();
  }
  // Somebody who only looks whether there is a listener.
  if (!client_began_) return end_receiver(direction);
  if (TlsEngine* from = sender(direction)) from->receive_end();
  shake_hands();
}

void TlsFilter::on_timer(uint64_t token, Sink& sink) {
  outer_ = &sink;
  if (phase_ == Phase::plain) return inner_->on_timer(token, sink);
  if (phase_ != Phase::open) return;
  inner_->on_timer(token, *this);
  flush();
}

// --- before TLS --------------------------------------------------------------------------------

void TlsFilter::ask(Direction direction, std::string_view bytes) {
  waiting(direction) += bytes;
  switch (upgrade_->on_bytes(direction, waiting(direction), *outer_)) {
    case TlsUpgrade::Next::more:
      // A client may have gone on before the server answered.
      if (direction == Direction::to_client && !waiting(Direction::to_server).empty())
        ask(Direction::to_server, {});
      return;
    case TlsUpgrade::Next::plain:
      return stay_plain();
    case TlsUpgrade::Next::tls:
      begin_tls();
      if (std::string& early = waiting(Direction::to_server); !early.empty()) {
        client_began_ = true;
        client_->receive(std::exchange(early, {}));
        shake_hands();
      }
  }
}

void TlsFilter::stay_plain() {
  phase_ = Phase::plain;
  for (Direction direction : {Direction::to_server, Direction::to_client}) {
    std::string bytes = std::exchange(waiting(direction), {});
    if (!bytes.empty()) inner_->on_bytes(direction, bytes, *outer_);
  }
}

void TlsFilter::begin_tls() {
  phase_ = Phase::shaking_hands;
  client_ = TlsEngine::server(tls_->to_consumers);
}

// --- the handshakes ----------------------------------------------------------------------------

void TlsFilter::shake_hands() {
  client_->advance();
  if (client_->state() == TlsEngine::State::offered) {
    if (!server_) ask_server();
    switch (server_->advance()) {
      case TlsEngine::State::open:
        client_->accept(server_->alpn());
        client_->advance();
        // What it says from now on would have to be kept until the client is ready.
        outer_->pause(Direction::to_client, true);
        break;
      case TlsEngine::State::failed:
        return fail_server();
      default:
        break;
    }
  }
  if (client_->state() == TlsEngine::State::failed) return fail_client();
  if (client_->state() == TlsEngine::State::open) return open();
  flush();
}

void TlsFilter::ask_server() {
  net::TlsOffer offer = client_->offer();
  auto is_read = [&](const std::string& name) {
    return std::find(alpn_.begin(), alpn_.end(), name) != alpn_.end();
  };
  // A client that would rather speak what cannot be read speaks the other thing.
  if (std::any_of(offer.alpn.begin(), offer.alpn.end(), is_read))
    std::erase_if(offer.alpn, [&](const std::string& name) { return !is_read(name); });
  server_ =
      TlsEngine::client(tls_->to_server, offer,
                        offer.server_name.empty() ? tls_->names : std::vector{offer.server_name});
  server_->receive(std::exchange(waiting(Direction::to_client), {}));
  if (end_of(Direction::to_client).came) server_->receive_end();
}

void TlsFilter::open() {
  phase_ = Phase::open;
  event::Fields fields{{"version", client_->version()}};
  if (!client_->alpn().empty()) fields.set("alpn", client_->alpn());
  if (const auto& name = client_->offer().server_name; !name.empty())
    fields.set("server_name", name);
  outer_->report("handshake", std::move(fields));
  outer_->pause(Direction::to_client, false);
  // Either may have said something behind its handshake.
  for (Direction direction : {Direction::to_server, Direction::to_client}) {
    pump(direction);
    if (phase_ == Phase::open && end_of(direction).came && !end_of(direction).said)
      inner_->on_eof(direction, *this);
  }
  flush();
}

void TlsFilter::fail_client() {
  std::string error = client_->error();
  bool distrust =
      std::find(kDistrust.begin(), kDistrust.end(), client_->peer_alert()) != kDistrust.end();
  if (distrust && tls_->generated)
    error += "; the relay's certificate is signed by the authority in $MISHAP_CA_FILE";
  report_failure("client", std::move(error));
  if (server_) server_->close_notify();
  flush();
  end(Ending::finish);
}

void TlsFilter::fail_server() {
  bool refused = server_->peer_alert() != 0;
  std::string error = server_->error();
  if (server_->doubt() == TlsEngine::Doubt::trust)
    error += "; name its authority in tls_cert(ca=…), or accept any with tls_cert(insecure=True)";
  if (server_->doubt() == TlsEngine::Doubt::name)
    error += "; accept any with tls_cert(insecure=True)";
  report_failure("server", std::move(error));
  client_->refuse(refused ? server_->peer_alert() : kInternalError);
  client_->advance();
  flush();
  end(Ending::finish);
}

void TlsFilter::report_failure(const char* side, std::string error) {
  outer_->report("tls_error", {{"side", side}, {"error", std::move(error)}});
}

// --- within TLS --------------------------------------------------------------------------------

void TlsFilter::pump(Direction direction) {
  TlsEngine& from = *sender(direction);
  std::string plain;
  auto got = TlsEngine::Read::some;
  while (phase_ == Phase::open && got == TlsEngine::Read::some) {
    plain.clear();
    while (plain.size() < kGatheredBytes && got == TlsEngine::Read::some) got = from.read(plain);
    if (!plain.empty()) inner_->on_bytes(direction, plain, *this);
  }
  if (phase_ != Phase::open) return;
  if (got == TlsEngine::Read::closed && !std::exchange(end_of(direction).said, true))
    inner_->on_eof(direction, *this);
  if (got == TlsEngine::Read::failed) {
    report_failure(direction == Direction::to_server ? "client" : "server", from.error());
    flush();
    end(Ending::reset);
  }
}

void TlsFilter::send(Direction direction, std::string_view bytes) {
  TlsEngine& to = *receiver(direction);
  if (end_of(direction).passed_on || phase_ != Phase::open) return;
  to.write(bytes);
  if (to.output().size() >= kGatheredBytes) flush();
}

/// A sender whose connection ended without a word within TLS was cut off; so is the receiver then.
void TlsFilter::send_eof(Direction direction) {
  End& ended = end_of(direction);
  if (phase_ != Phase::open || std::exchange(ended.passed_on, true)) return;
  bool cut_off = ended.came && !ended.said;
  if (!cut_off) receiver(direction)->close_notify();
  flush();
  if (!ended.said || ended.came) end_receiver(direction);
}

void TlsFilter::end_receiver(Direction direction) {
  if (!std::exchange(end_of(direction).sent, true)) outer_->send_eof(direction);
}

void TlsFilter::end(Ending ending) {
  if (phase_ == Phase::over) return;
  if (ending == Ending::finish) {
    for (Direction direction : {Direction::to_server, Direction::to_client}) {
      if (TlsEngine* to = receiver(direction); to && !end_of(direction).passed_on)
        to->close_notify();
    }
    flush();
  }
  phase_ = Phase::over;
  outer_->end(ending);
}

void TlsFilter::flush() {
  if (phase_ == Phase::over) return;
  for (Direction direction : {Direction::to_server, Direction::to_client}) {
    TlsEngine* to = receiver(direction);
    if (to == nullptr || to->output().empty()) continue;
    if (!end_of(direction).sent) outer_->send(direction, to->output());
    to->output().clear();
  }
}

}  // namespace

std::unique_ptr<Filter> make_tls_filter(std::unique_ptr<Filter> inner,
                                        std::shared_ptr<const TlsTermination> tls,
                                        std::unique_ptr<TlsUpgrade> upgrade,
                                        std::vector<std::string> alpn) {
  return std::make_unique<TlsFilter>(std::move(inner), std::move(tls), std::move(upgrade),
                                     std::move(alpn));
}

}  // namespace mishap::traffic
