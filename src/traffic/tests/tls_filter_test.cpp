// The filter between two real ends of TLS, without sockets.
#include <gmock/gmock.h>

#include "mishap/traffic/testing/transcript.h"
#include "mishap/traffic/tls.h"

namespace mishap::traffic {
namespace {

using net::TlsEngine;
using ::testing::ElementsAre;
using testing::FakeSink;
using ::testing::IsEmpty;
using testing::Report;
using ::testing::SizeIs;
using State = TlsEngine::State;
using Read = TlsEngine::Read;

std::shared_ptr<const net::Authority> authority() {
  static const auto made = *net::Authority::generate();
  return made;
}

std::shared_ptr<const TlsTermination> termination(const net::Trust& trust) {
  auto identity = *authority()->issue({"relay"});
  return std::make_shared<const TlsTermination>(TlsTermination{*net::TlsContext::server(identity),
                                                               *net::TlsContext::client(trust, {}),
                                                               {"db", "127.0.0.1"}});
}

/// Upper-cases what goes to the server, answers "!" by itself, ends on "#" and "%".
class InnerFilter final : public Filter {
 public:
  void on_bytes(Direction direction, std::string_view bytes, Sink& sink) override {
    if (direction == Direction::to_client) return sink.send(direction, bytes);
    for (char c : bytes) {
      if (c == '!') {
        sink.report("error", {});
        sink.send(Direction::to_client, "no");
      } else if (c == '#') {
        return sink.end(Ending::finish);
      } else if (c == '%') {
        return sink.end(Ending::reset);
      } else if (c == '~') {
        sink.start_timer(std::chrono::milliseconds(5), 7);
      } else {
        sink.send(direction, std::string(1, static_cast<char>(std::toupper(c))));
      }
    }
  }
  void on_eof(Direction direction, Sink& sink) override { sink.send_eof(direction); }
  void on_timer(uint64_t token, Sink& sink) override {
    if (token == 7) sink.send(Direction::to_server, "late");
  }
};

/// A client, the filter and a server; `piece` bytes go at a time.
class Conversation {
 public:
  explicit Conversation(size_t piece = 1 << 20, const net::Trust& trust = default_trust(),
                        const std::vector<std::string>& server_names = {"db"},
                        const net::TlsOffer& offer = {"db", {"h2", "http/1.1"}},
                        std::unique_ptr<TlsUpgrade> upgrade = nullptr,
                        std::vector<std::string> alpn = {})
      : piece_(piece),
        client(
            TlsEngine::client(*net::TlsContext::client({authority()->certificate_pem(), false}, {}),
                              offer, {"relay"})),
        server(TlsEngine::server(*net::TlsContext::server(*authority()->issue(server_names)))),
        filter(make_tls_filter(std::make_unique<InnerFilter>(), termination(trust),
                               std::move(upgrade), std::move(alpn))) {}
  static net::Trust default_trust() { return {authority()->certificate_pem(), false}; }

  /// Until nothing moves any more.
  void go_on() {
    bool moved = true;
    while (moved) {
      client->advance();
      server->advance();
      if (server->state() == State::offered) {
        heard = server->offer();
        server->accept(choice);
        server->advance();
      }
      moved = to_filter(Direction::to_server, *client) | to_filter(Direction::to_client, *server);
      moved = from_filter(sink.outcome.to_server, seen_by_server, *server) || moved;
      moved = from_filter(sink.outcome.to_client, seen_by_client, *client) || moved;
    }
  }
  static std::string read(TlsEngine& engine, Read* end = nullptr) {
    std::string out;
    Read got = Read::some;
    while (got == Read::some) got = engine.read(out);
    if (end != nullptr) *end = got;
    return out;
  }
  void say(TlsEngine& engine, std::string_view bytes) {
    engine.write(bytes);
    go_on();
  }
  void hang_up(Direction direction) {
    if (!sink.outcome.ended) filter->on_eof(direction, sink);
    go_on();
  }
  std::vector<std::string> reports() const {
    std::vector<std::string> out;
    out.reserve(sink.outcome.reports.size());
    for (const Report& report : sink.outcome.reports) out.push_back(report.text());
    return out;
  }

 private:
  bool to_filter(Direction direction, TlsEngine& from) {
    std::string bytes = std::exchange(from.output(), {});
    for (size_t at = 0; at < bytes.size() && !sink.outcome.ended; at += piece_)
      filter->on_bytes(direction, std::string_view(bytes).substr(at, piece_), sink);
    return !bytes.empty();
  }
  bool from_filter(const std::string& all, size_t& seen, TlsEngine& to) const {
    bool moved = seen < all.size();
    for (; seen < all.size(); seen += std::min(piece_, all.size() - seen)) {
      to.receive(std::string_view(all).substr(seen, piece_));
      to.advance();
    }
    return moved;
  }

  size_t piece_;
  size_t seen_by_server = 0, seen_by_client = 0;

 public:
  std::unique_ptr<TlsEngine> client, server;
  std::unique_ptr<Filter> filter;
  FakeSink sink;
  std::string choice = "http/1.1";  ///< of the server
  net::TlsOffer heard;              ///< by the server
};

constexpr const char* kHandshake = "handshake version=TLSv1.3 alpn=http/1.1 server_name=db";

class Cuts : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Pieces, Cuts, ::testing::Values(1, 3, 100, 1 << 20));

TEST_P(Cuts, TheInnerFilterSeesPlainBytesWhereverTheyAreCut) {
  Conversation talk(GetParam());
  talk.go_on();
  ASSERT_EQ(talk.client->state(), State::open) << talk.client->error();
  ASSERT_EQ(talk.server->state(), State::open) << talk.server->error();
  talk.say(*talk.client, "ab!c~");
  talk.say(*talk.server, "answer");
  talk.sink.advance(std::chrono::milliseconds(5), *talk.filter);
  talk.go_on();
  EXPECT_EQ(Conversation::read(*talk.server), "ABClate");
  EXPECT_EQ(Conversation::read(*talk.client), "noanswer");
  EXPECT_THAT(talk.reports(), ElementsAre(kHandshake, "error"));
  EXPECT_FALSE(talk.sink.paused_to_client);
}

TEST_P(Cuts, ManyBytesPassBothWays) {
  Conversation talk(std::max<size_t>(GetParam(), 50));
  talk.go_on();
  std::string forth(300'000, 'F'), back(400'000, 'b');
  talk.client->write(forth);
  talk.server->write(back);
  talk.go_on();
  EXPECT_EQ(Conversation::read(*talk.server), forth);
  EXPECT_EQ(Conversation::read(*talk.client), back);
}

TEST(TlsFilter, TheServerIsAskedWithWhatTheClientWantsAndItsChoiceIsPassedOn) {
  Conversation talk;
  talk.choice = "h2";
  talk.go_on();
  EXPECT_EQ(talk.heard.server_name, "db");
  EXPECT_THAT(talk.heard.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(talk.client->alpn(), "h2");
  Conversation none(1 << 20, Conversation::default_trust(), {"db"}, {});
  none.choice = "";
  none.go_on();
  EXPECT_EQ(none.client->alpn(), "");
  EXPECT_THAT(none.reports(), ElementsAre("handshake version=TLSv1.3"));
}

TEST(TlsFilter, TheServerIsOfferedWhatTheInnerFilterReads) {
  auto offered = [](std::vector<std::string> alpn) {
    Conversation talk(1 << 20, Conversation::default_trust(), {"db"}, {"db", {"h2", "http/1.1"}},
                      nullptr, std::move(alpn));
    talk.go_on();
    EXPECT_EQ(talk.client->alpn(), "http/1.1");
    return talk.heard.alpn;
  };
  EXPECT_THAT(offered({"http/1.0", "http/1.1"}), ElementsAre("http/1.1"));
  EXPECT_THAT(offered({"redis"}), ElementsAre("h2", "http/1.1")) << "it is for the server to say";
}

TEST(TlsFilter, WhatTheServerSaysAtOnceWaitsForTheClient) {
  Conversation talk;
  // The server is ready before the client is.
  talk.client->advance();
  std::string hello = std::exchange(talk.client->output(), {});
  talk.filter->on_bytes(Direction::to_server, hello, talk.sink);
  talk.server->receive(talk.sink.outcome.to_server);
  ASSERT_EQ(talk.server->advance(), State::offered);
  talk.server->accept("");
  talk.server->advance();
  talk.filter->on_bytes(Direction::to_client, std::exchange(talk.server->output(), {}), talk.sink);
  EXPECT_TRUE(talk.sink.paused_to_client);
  EXPECT_THAT(talk.reports(), IsEmpty());
  talk.client->receive(talk.sink.outcome.to_client);
  ASSERT_EQ(talk.client->advance(), State::open) << talk.client->error();
  talk.filter->on_bytes(Direction::to_server, talk.client->output(), talk.sink);
  EXPECT_FALSE(talk.sink.paused_to_client);
  EXPECT_THAT(talk.reports(), SizeIs(1));
}

TEST(TlsFilter, AServerThatIsNotTrustedIsNoServer) {
  Conversation talk(1 << 20, {"", false});
  talk.go_on();
  EXPECT_THAT(talk.reports(),
              ElementsAre("tls_error side=server error=the certificate (CN=db) is not trusted: "
                          "unable to get local issuer certificate; name its authority in "
                          "tls_cert(ca=…), or accept any with tls_cert(insecure=True)"));
  EXPECT_EQ(talk.client->error(), "the server refused: internal error");
  EXPECT_EQ(talk.server->error(), "the client refused: unknown CA");
  EXPECT_EQ(talk.sink.outcome.ended, Ending::finish);
}

TEST(TlsFilter, AServerForAnotherNameIsNoServer) {
  Conversation talk(1 << 20, Conversation::default_trust(), {"other"});
  talk.go_on();
  EXPECT_THAT(talk.reports(), ElementsAre("tls_error side=server error=the certificate (CN=other) "
                                          "is not for db; accept any with "
                                          "tls_cert(insecure=True)"));
  // A client that names nobody: any of the names of the service.
  Conversation unnamed(1 << 20, Conversation::default_trust(), {"127.0.0.1"}, {});
  unnamed.choice = "";
  unnamed.go_on();
  EXPECT_THAT(unnamed.reports(), ElementsAre("handshake version=TLSv1.3"));
}

TEST(TlsFilter, WithoutVerificationAnyServerWillDo) {
  Conversation talk(1 << 20, {"", false, true}, {"other"});
  talk.go_on();
  EXPECT_THAT(talk.reports(), ElementsAre(kHandshake));
}

TEST(TlsFilter, AServersRefusalIsTheClients) {
  Conversation talk;
  talk.client->advance();
  talk.filter->on_bytes(Direction::to_server, std::exchange(talk.client->output(), {}), talk.sink);
  talk.server->receive(talk.sink.outcome.to_server);
  ASSERT_EQ(talk.server->advance(), State::offered);
  talk.server->refuse(112);
  talk.server->advance();
  talk.filter->on_bytes(Direction::to_client, talk.server->output(), talk.sink);
  talk.client->receive(talk.sink.outcome.to_client);
  EXPECT_EQ(talk.client->advance(), State::failed);
  EXPECT_EQ(talk.client->peer_alert(), 112);
  EXPECT_THAT(talk.reports(), ElementsAre("tls_error side=server error=the server refused: "
                                          "unrecognized name"));
}

TEST(TlsFilter, AClientThatDoesNotTrustTheRelayIsToldOf) {
  Conversation talk;
  talk.client =
      TlsEngine::client(*net::TlsContext::client({"", false}, {}), {"db", {"http/1.1"}}, {});
  talk.go_on();
  EXPECT_THAT(talk.reports(),
              ElementsAre("tls_error side=client error=the client refused: unknown CA; the relay's "
                          "certificate is signed by the authority in $MISHAP_CA_FILE"));
  EXPECT_EQ(talk.sink.outcome.ended, Ending::finish);
}

TEST(TlsFilter, PlainBytesOnATlsPortAreRefused) {
  auto filter = make_tls_filter(std::make_unique<InnerFilter>(),
                                termination(Conversation::default_trust()), nullptr);
  FakeSink sink;
  filter->on_bytes(Direction::to_server, "GET / HTTP/1.1\r\nHost: db\r\n\r\n", sink);
  ASSERT_THAT(sink.outcome.reports, SizeIs(1));
  EXPECT_EQ(sink.outcome.reports[0].text(),
            "tls_error side=client error=the client does not speak TLS");
  EXPECT_EQ(sink.outcome.to_server, "");
  EXPECT_EQ(sink.outcome.ended, Ending::finish);
}

TEST(TlsFilter, AServerWithoutTlsIsAnError) {
  Conversation talk;
  talk.client->advance();
  talk.filter->on_bytes(Direction::to_server, talk.client->output(), talk.sink);
  talk.filter->on_bytes(Direction::to_client, "HTTP/1.1 400 Bad Request\r\n\r\n", talk.sink);
  EXPECT_THAT(talk.reports(),
              ElementsAre("tls_error side=server error=the server does not speak TLS"));
  // One that speaks before it is asked.
  Conversation early;
  early.filter->on_bytes(Direction::to_client, "220 ready for mail\r\n", early.sink);
  early.go_on();
  EXPECT_THAT(early.reports(),
              ElementsAre("tls_error side=server error=the server does not speak TLS"));
}

TEST(TlsFilter, AnEndWithinTlsIsPassedOnAsOne) {
  Conversation talk;
  talk.go_on();
  talk.client->write("last");
  talk.client->close_notify();
  talk.go_on();
  Read end{};
  EXPECT_EQ(Conversation::read(*talk.server, &end), "LAST");
  EXPECT_EQ(end, Read::closed);
  EXPECT_FALSE(talk.sink.outcome.eof_to_server) << "the connection goes on";
  talk.say(*talk.server, "still");
  EXPECT_EQ(Conversation::read(*talk.client), "still");
  talk.hang_up(Direction::to_server);
  EXPECT_TRUE(talk.sink.outcome.eof_to_server);
  talk.server->close_notify();
  talk.go_on();
  talk.hang_up(Direction::to_client);
  EXPECT_EQ(Conversation::read(*talk.client, &end), "");
  EXPECT_EQ(end, Read::closed);
  EXPECT_TRUE(talk.sink.outcome.eof_to_client);
}

TEST(TlsFilter, AConnectionThatIsCutOffWithinTlsIsCutOffThereToo) {
  Conversation talk;
  talk.go_on();
  talk.say(*talk.client, "half a mess");
  talk.hang_up(Direction::to_server);
  Read end{};
  EXPECT_EQ(Conversation::read(*talk.server, &end), "HALF A MESS");
  EXPECT_EQ(end, Read::nothing) << "nobody said that nothing more would come";
  EXPECT_TRUE(talk.sink.outcome.eof_to_server);
  EXPECT_FALSE(talk.sink.outcome.eof_to_client);
}

TEST(TlsFilter, WhoHangsUpWithoutAWordIsNoError) {
  Conversation talk;
  talk.filter->on_eof(Direction::to_server, talk.sink);
  EXPECT_TRUE(talk.sink.outcome.eof_to_server);
  talk.filter->on_eof(Direction::to_client, talk.sink);
  EXPECT_TRUE(talk.sink.outcome.eof_to_client);
  EXPECT_THAT(talk.reports(), IsEmpty());
}

TEST(TlsFilter, WhoHangsUpDuringTheHandshakeIsAnError) {
  Conversation client_gone;
  client_gone.client->advance();
  client_gone.filter->on_bytes(Direction::to_server, client_gone.client->output().substr(0, 20),
                               client_gone.sink);
  client_gone.filter->on_eof(Direction::to_server, client_gone.sink);
  EXPECT_THAT(client_gone.reports(), ElementsAre("tls_error side=client error=the connection was "
                                                 "closed during the handshake"));
  Conversation server_gone;
  server_gone.client->advance();
  server_gone.filter->on_bytes(Direction::to_server, server_gone.client->output(),
                               server_gone.sink);
  server_gone.filter->on_eof(Direction::to_client, server_gone.sink);
  EXPECT_THAT(server_gone.reports(), ElementsAre("tls_error side=server error=the connection was "
                                                 "closed during the handshake"));
}

TEST(TlsFilter, TheInnerFilterEndsConnections) {
  Conversation orderly;
  orderly.go_on();
  orderly.say(*orderly.client, "a#");
  Read end{};
  EXPECT_EQ(Conversation::read(*orderly.server, &end), "A");
  EXPECT_EQ(end, Read::closed);
  EXPECT_EQ(Conversation::read(*orderly.client, &end), "");
  EXPECT_EQ(end, Read::closed);
  EXPECT_EQ(orderly.sink.outcome.ended, Ending::finish);
  Conversation abrupt;
  abrupt.go_on();
  abrupt.say(*abrupt.client, "a%");
  EXPECT_EQ(abrupt.sink.outcome.ended, Ending::reset);
}

TEST(TlsFilter, ABrokenRecordResetsTheConnection) {
  Conversation talk;
  talk.go_on();
  talk.client->write("hello");
  talk.client->output().back() ^= 1;
  talk.go_on();
  EXPECT_EQ(talk.sink.outcome.ended, Ending::reset);
  EXPECT_THAT(
      talk.reports(),
      ElementsAre(kHandshake, "tls_error side=client error=decryption failed or bad record mac"));
}

// --- where TLS is asked for --------------------------------------------------------------------

/// "TLS?" is answered by the server with Y or N; anything else stays plain.
class TestUpgrade final : public TlsUpgrade {
 public:
  Next on_bytes(Direction direction, std::string& waiting, Sink& sink) override {
    if (direction == Direction::to_server) {
      if (waiting.size() < 4) return Next::more;
      if (!waiting.starts_with("TLS?")) return Next::plain;
      waiting.erase(0, 4);
      sink.send(direction, "TLS?");
      return Next::more;
    }
    bool yes = waiting.front() == 'Y';
    sink.send(direction, waiting.substr(0, 1));
    waiting.erase(0, 1);
    return yes ? Next::tls : Next::plain;
  }
};

TEST_P(Cuts, TlsBeginsOnceItWasAskedFor) {
  Conversation talk(GetParam(), Conversation::default_trust(), {"db"}, {"db", {"http/1.1"}},
                    std::make_unique<TestUpgrade>());
  talk.filter->on_bytes(Direction::to_server, "TLS?", talk.sink);
  EXPECT_EQ(talk.sink.outcome.to_server, "TLS?");
  talk.filter->on_bytes(Direction::to_client, "Y", talk.sink);
  EXPECT_EQ(talk.sink.outcome.to_client, "Y");
  talk.sink.outcome.to_server.clear();
  talk.sink.outcome.to_client.clear();
  talk.go_on();
  talk.say(*talk.client, "hello");
  EXPECT_EQ(Conversation::read(*talk.server), "HELLO");
  EXPECT_THAT(talk.reports(), ElementsAre(kHandshake));
}

TEST(TlsFilter, WhatStaysPlainIsSeenByTheInnerFilterToo) {
  for (auto [said, answer, to_server] :
       {std::tuple{"plain talk", "", "PLAIN TALK"}, std::tuple{"TLS?", "N", "TLS?MORE"}}) {
    auto filter =
        make_tls_filter(std::make_unique<InnerFilter>(), termination(Conversation::default_trust()),
                        std::make_unique<TestUpgrade>());
    FakeSink sink;
    filter->on_bytes(Direction::to_server, said, sink);
    if (*answer != '\0') {
      filter->on_bytes(Direction::to_client, answer, sink);
      filter->on_bytes(Direction::to_server, "more", sink);
    }
    EXPECT_EQ(sink.outcome.to_server, to_server);
    EXPECT_EQ(sink.outcome.to_client, answer);
    filter->on_eof(Direction::to_server, sink);
    EXPECT_TRUE(sink.outcome.eof_to_server);
  }
}

TEST(TlsFilter, WhoHangsUpBeforeAskingLosesNothing) {
  auto filter =
      make_tls_filter(std::make_unique<InnerFilter>(), termination(Conversation::default_trust()),
                      std::make_unique<TestUpgrade>());
  FakeSink sink;
  filter->on_bytes(Direction::to_server, "TL", sink);
  filter->on_eof(Direction::to_server, sink);
  EXPECT_EQ(sink.outcome.to_server, "TL");
  EXPECT_TRUE(sink.outcome.eof_to_server);
}

// --- where TLS is not declared -----------------------------------------------------------------

TEST(PlainFilter, TlsPassesUnreadAndIsReportedOnce) {
  auto filter = make_plain_filter(std::make_unique<InnerFilter>());
  FakeSink sink;
  Conversation talk;
  talk.client->advance();
  filter->on_bytes(Direction::to_server, talk.client->output(), sink);
  filter->on_bytes(Direction::to_server, "!#%", sink);
  filter->on_bytes(Direction::to_client, "x", sink);
  filter->on_eof(Direction::to_client, sink);
  filter->on_eof(Direction::to_server, sink);
  EXPECT_EQ(sink.outcome.to_server, talk.client->output() + "!#%");
  EXPECT_EQ(sink.outcome.to_client, "x");
  EXPECT_TRUE(sink.outcome.eof_to_client && sink.outcome.eof_to_server);
  ASSERT_THAT(sink.outcome.reports, SizeIs(1));
  EXPECT_EQ(sink.outcome.reports[0].text(),
            "tls_error side=client error=the client speaks TLS, so the bytes pass unread and no "
            "rule applies; declare interface(…, tls=tls_cert())");
}

TEST(PlainFilter, AnythingElseIsTheInnerFilters) {
  for (const char* bytes : {"hello", "", "\x16", "\x16\x03\x01 x"}) {
    auto filter = make_plain_filter(std::make_unique<InnerFilter>());
    FakeSink sink;
    filter->on_bytes(Direction::to_server, bytes, sink);
    filter->on_bytes(Direction::to_server, "\x16\x03\x01!!\x01", sink);
    EXPECT_EQ(sink.outcome.to_client, "nono");
    EXPECT_EQ(sink.outcome.reports.size(), 2u);
  }
}

}  // namespace
}  // namespace mishap::traffic
