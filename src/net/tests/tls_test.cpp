#include "mishap/net/tls.h"

#include <functional>

#include <gmock/gmock.h>

#include "tls_hello.h"

namespace mishap::net {
namespace {

using State = TlsEngine::State;
using Read = TlsEngine::Read;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const Authority> authority() {
  static const auto made = *Authority::generate();
  return made;
}

Identity identity(const std::vector<std::string>& names) { return *authority()->issue(names); }

Trust trust_in(std::string pem) { return {std::move(pem), false, false}; }

/// Two engines and what goes between them.
struct Pair {
  std::unique_ptr<TlsEngine> client, server;
  size_t piece = 1 << 20;  ///< bytes that arrive at a time
  std::function<void(TlsEngine&)> on_offer = [](TlsEngine& engine) { engine.accept(""); };

  static bool move(TlsEngine& from, TlsEngine& to, size_t piece) {
    std::string bytes = std::exchange(from.output(), {});
    bool any = !bytes.empty();
    for (size_t at = 0; at < bytes.size(); at += piece) {
      to.receive(std::string_view(bytes).substr(at, piece));
      to.advance();
    }
    return any;
  }
  void shake_hands() {
    bool moved = true;
    while (moved) {
      client->advance();
      moved = move(*client, *server, piece);
      server->advance();
      if (server->state() == State::offered) {
        on_offer(*server);
        server->advance();
        moved = true;
      }
      moved = move(*server, *client, piece) || moved;
    }
  }
  void pass() {
    move(*client, *server, piece);
    move(*server, *client, piece);
  }
};

Pair make_pair(const Trust& trust, const TlsOffer& offer, std::vector<std::string> names,
               const std::vector<std::string>& server_names = {"db", "127.0.0.1", "::1"}) {
  Pair pair;
  pair.client =
      TlsEngine::client(*TlsContext::client(trust, std::nullopt), offer, std::move(names));
  pair.server = TlsEngine::server(*TlsContext::server(identity(server_names)));
  return pair;
}

std::string read_all(TlsEngine& engine, Read* end = nullptr) {
  std::string out;
  Read got = Read::some;
  while (got == Read::some) got = engine.read(out);
  if (end != nullptr) *end = got;
  return out;
}

Pair open_pair(size_t piece = 1 << 20) {
  Pair pair = make_pair(trust_in(authority()->certificate_pem()), {"db", {}}, {"db"});
  pair.piece = piece;
  pair.shake_hands();
  EXPECT_EQ(pair.client->state(), State::open) << pair.client->error();
  EXPECT_EQ(pair.server->state(), State::open) << pair.server->error();
  return pair;
}

class Cuts : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Pieces, Cuts, testing::Values(1, 2, 7, 1000, 1 << 20));

TEST_P(Cuts, CarryBytesBothWaysWhereverTheyAreCut) {
  Pair pair = open_pair(GetParam());
  EXPECT_EQ(pair.client->version(), "TLSv1.3");
  std::string forth(100'000, 'f'), back(70'000, 'b');
  pair.client->write(forth);
  pair.server->write("short");
  pair.server->write(back);
  pair.pass();
  EXPECT_EQ(read_all(*pair.server), forth);
  EXPECT_EQ(read_all(*pair.client), "short" + back);
}

TEST(TlsEngine, ToldOfAnEndGoesOnInTheOtherDirection) {
  Pair pair = open_pair();
  pair.client->write("last");
  pair.client->close_notify();
  pair.pass();
  Read end{};
  EXPECT_EQ(read_all(*pair.server, &end), "last");
  EXPECT_EQ(end, Read::closed);
  pair.server->write("answer");
  pair.pass();
  EXPECT_EQ(read_all(*pair.client, &end), "answer");
  EXPECT_EQ(end, Read::nothing);
}

TEST(TlsEngine, AServerHearsWhatIsWantedBeforeItChooses) {
  Pair pair = make_pair(trust_in(authority()->certificate_pem()), {"db", {"h2", "http/1.1"}}, {});
  TlsOffer heard;
  pair.on_offer = [&](TlsEngine& engine) {
    heard = engine.offer();
    engine.accept("http/1.1");
  };
  pair.shake_hands();
  EXPECT_EQ(heard.server_name, "db");
  EXPECT_THAT(heard.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(pair.client->alpn(), "http/1.1");
  EXPECT_EQ(pair.server->alpn(), "http/1.1");
}

TEST(TlsEngine, AnAddressIsNoServerName) {
  Pair pair = make_pair(trust_in(authority()->certificate_pem()), {"127.0.0.1", {}}, {"127.0.0.1"});
  std::string heard = "?";
  pair.on_offer = [&](TlsEngine& engine) {
    heard = engine.offer().server_name;
    engine.accept("");
  };
  pair.shake_hands();
  EXPECT_EQ(heard, "");
  EXPECT_EQ(pair.client->state(), State::open);
}

TEST(TlsEngine, ARefusalIsHeardAsItsAlert) {
  Pair pair = make_pair(trust_in(authority()->certificate_pem()), {}, {});
  pair.on_offer = [](TlsEngine& engine) { engine.refuse(80); };
  pair.shake_hands();
  EXPECT_EQ(pair.server->state(), State::failed);
  EXPECT_EQ(pair.client->state(), State::failed);
  EXPECT_EQ(pair.client->peer_alert(), 80);
  EXPECT_EQ(pair.client->error(), "the server refused: internal error");
}

struct Verification {
  const char* what;
  Trust trust;
  std::vector<std::string> names;
  std::string error;         ///< "": it is trusted
  std::string server_hears;  ///< as an error
};

class Verified : public testing::TestWithParam<Verification> {};
INSTANTIATE_TEST_SUITE_P(
    Cases, Verified,
    testing::Values(
        Verification{"signed", trust_in(authority()->certificate_pem()), {"db"}, "", ""},
        Verification{
            "one_of_its_names", trust_in(authority()->certificate_pem()), {"other", "::1"}, "", ""},
        Verification{"nobodys",
                     trust_in(""),
                     {},
                     "the certificate (CN=db) is not trusted: unable to get local issuer "
                     "certificate",
                     "the client refused: unknown CA"},
        Verification{"anothers",
                     trust_in((*Authority::generate())->certificate_pem()),
                     {},
                     "the certificate (CN=db) is not trusted: unable to get local issuer "
                     "certificate",
                     "the client refused: unknown CA"},
        Verification{"for_another_name",
                     trust_in(authority()->certificate_pem()),
                     {"api", "10.0.0.1"},
                     "the certificate (CN=db) is not for api or 10.0.0.1",
                     "the client refused: bad certificate"},
        Verification{"anybody", {"", false, true}, {"api"}, "", ""}),
    [](const auto& param_info) { return std::string(param_info.param.what); });

TEST_P(Verified, AreServersByTheirCertificates) {
  Pair pair = make_pair(GetParam().trust, {}, GetParam().names);
  pair.shake_hands();
  EXPECT_EQ(pair.client->error(), GetParam().error);
  EXPECT_EQ(pair.client->state(), GetParam().error.empty() ? State::open : State::failed);
  EXPECT_EQ(pair.server->error(), GetParam().server_hears);
}

TEST(TlsEngine, AServersOwnCertificateMayBeTrustedItself) {
  Identity own = identity({"db"});
  Pair pair;
  pair.client = TlsEngine::client(
      *TlsContext::client(trust_in(own.certificate_pem()), std::nullopt), {}, {"db"});
  pair.server = TlsEngine::server(*TlsContext::server(own));
  pair.shake_hands();
  EXPECT_EQ(pair.client->state(), State::open) << pair.client->error();
}

TEST(TlsEngine, PlainBytesAreNoTls) {
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "*1\r\n$4\r\nPING\r\n"}) {
    auto server = TlsEngine::server(*TlsContext::server(identity({"db"})));
    server->receive(bytes);
    EXPECT_EQ(server->advance(), State::failed);
    EXPECT_EQ(server->error(), "the client does not speak TLS");
  }
}

TEST(TlsEngine, AnEndDuringTheHandshakeIsAFailure) {
  Pair pair = make_pair(trust_in(""), {}, {});
  pair.client->advance();
  pair.server->receive(pair.client->output().substr(0, 40));
  EXPECT_EQ(pair.server->advance(), State::handshaking);
  pair.server->receive_end();
  EXPECT_EQ(pair.server->advance(), State::failed);
  EXPECT_EQ(pair.server->error(), "the connection was closed during the handshake");
}

TEST(TlsEngine, ABrokenRecordIsAFailure) {
  Pair pair = open_pair();
  pair.client->write("hello");
  std::string bytes = std::exchange(pair.client->output(), {});
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  pair.server->receive(bytes);
  std::string got;
  EXPECT_EQ(pair.server->read(got), Read::failed);
  EXPECT_EQ(got, "");
  EXPECT_THAT(pair.server->error(), HasSubstr("bad record mac"));
}

TEST(TlsHello, ExtensionsAreReadOnlyWhereTheyAreWhole) {
  using namespace std::string_literals;
  EXPECT_EQ(read_server_name("\0\5\0\0\2db"s), "db");
  EXPECT_EQ(read_server_name("\0\5\0\0\3db"s), "");
  EXPECT_EQ(read_server_name("\0\6\0\0\2db"s), "");
  EXPECT_EQ(read_server_name(""), "");
  EXPECT_THAT(read_alpn("\0\7\2h2\3foo"s), ElementsAre("h2", "foo"));
  EXPECT_THAT(read_alpn("\0\7\2h2\4foo"s), IsEmpty());
  EXPECT_THAT(read_alpn("\0\1\0"s), IsEmpty());
  EXPECT_EQ(alpn_wire({"h2", "", std::string(300, 'x'), "foo"}), "\2h2\3foo");
}

}  // namespace
}  // namespace mishap::net
