#include "mishap/net/stream.h"

#include <thread>
#include <vector>

#include <sys/socket.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <unistd.h>

#include "mishap/net/sockets.h"
#include "mishap/net/testing/tls_peer.h"

namespace mishap::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Deadline soon() { return Clock::now() + seconds(10); }

TEST(Endpoint, Parses) {
  auto parsed = [](std::string_view text) { return parse_endpoint(text)->text(); };
  EXPECT_EQ(parsed("localhost:5432"), "localhost:5432");
  EXPECT_EQ(parsed("tcp://127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(parsed("[::1]:65535"), "[::1]:65535");
}

TEST(Endpoint, ErrorsNameTheText) {
  auto error = [](std::string_view text) { return parse_endpoint(text).error().message; };
  EXPECT_EQ(error("localhost"), "bad address \"localhost\": expected HOST:PORT");
  EXPECT_EQ(error(":80"), "bad address \":80\": the host is empty");
  EXPECT_EQ(error("a:0"), "bad address \"a:0\": the port must be 1 to 65535");
  EXPECT_EQ(error("a:65536"), "bad address \"a:65536\": the port must be 1 to 65535");
  EXPECT_EQ(error("a:8x"), "bad address \"a:8x\": the port must be 1 to 65535");
  EXPECT_EQ(error("::1:80"), "bad address \"::1:80\": an IPv6 address needs brackets");
  EXPECT_EQ(error("[::1"), "bad address \"[::1\": no closing ]");
  EXPECT_EQ(error("[::1]"), "bad address \"[::1]\": expected HOST:PORT");
  EXPECT_EQ(error(""), "bad address \"\": expected HOST:PORT");
}

class StreamTest : public testing::Test {
 protected:
  void SetUp() override { port_ = local_address(listener_.get())->port(); }
  Endpoint endpoint(std::string host = "127.0.0.1") { return {std::move(host), port_}; }
  UniqueFd accepted() {
    EXPECT_TRUE(wait_ready(listener_.get(), POLLIN, soon(), nullptr));
    return std::move(accept_next(listener_.get()).value()->fd);
  }
  UniqueFd listener_ = *listen_on(Address::loopback_v4(0));
  uint16_t port_ = 0;
};

TEST_F(StreamTest, CarriesBytesBothWaysAndSeesTheEnd) {
  auto stream = *Stream::connect(endpoint("localhost"), soon(), nullptr);
  UniqueFd peer = accepted();
  ASSERT_TRUE(stream.write_all("ping"));
  char buffer[16];
  ASSERT_TRUE(wait_ready(peer.get(), POLLIN, soon(), nullptr));
  EXPECT_EQ(read(peer.get(), buffer, sizeof buffer), 4);
  EXPECT_EQ(write(peer.get(), "pong!", 5), 5);
  EXPECT_EQ(*stream.read_some(buffer), 5u);
  shutdown_write(peer.get());
  EXPECT_EQ(*stream.read_some(buffer), 0u);
}

TEST_F(StreamTest, ARefusedPortSaysSo) {
  listener_.reset();
  auto stream = Stream::connect(endpoint(), soon(), nullptr);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().message,
            fmt::format("connect to 127.0.0.1:{}: connection refused", port_));
  EXPECT_EQ(stream.error().code, ECONNREFUSED);
}

TEST_F(StreamTest, AnUnknownHostSaysSo) {
  auto stream = Stream::connect({"no such host", 1}, soon(), nullptr);
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().message, "connect to no such host:1: unknown host \"no such host\"");
}

TEST_F(StreamTest, ReadsTimeOut) {
  auto stream = *Stream::connect(endpoint(), soon(), nullptr);
  stream.set_deadline(Clock::now());
  char buffer[1];
  auto count = stream.read_some(buffer);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().message, "read: timed out");
  EXPECT_EQ(count.error().code, ETIMEDOUT);
}

TEST_F(StreamTest, CancelWakesABlockedRead) {
  Cancel cancel;
  auto stream = *Stream::connect(endpoint(), soon(), &cancel);
  EXPECT_FALSE(cancel.is_set());
  std::jthread setter([&] { cancel.set(); });
  char buffer[1];
  auto count = stream.read_some(buffer);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, ECANCELED);
  EXPECT_EQ(count.error().message, "read: cancelled");
  EXPECT_TRUE(cancel.is_set());
  EXPECT_EQ(Stream::connect(endpoint(), soon(), &cancel).error().message, "cancelled");
}

TEST_F(StreamTest, WritesBlockUntilThePeerReads) {
  auto stream = *Stream::connect(endpoint(), soon(), nullptr);
  UniqueFd peer = accepted();
  std::string large(8 << 20, 'x');
  size_t received = 0;
  std::jthread reader([&] {
    std::vector<char> buffer(1 << 16);
    while (wait_ready(peer.get(), POLLIN, soon(), nullptr)) {
      ssize_t count = read(peer.get(), buffer.data(), buffer.size());
      if (count <= 0) return;
      received += static_cast<size_t>(count);
    }
  });
  ASSERT_TRUE(stream.write_all(large));
  shutdown_write(stream.fd());
  reader.join();
  EXPECT_EQ(received, large.size());
}

TEST_F(StreamTest, AResetIsAnErrorNotAnEnd) {
  auto stream = *Stream::connect(endpoint(), soon(), nullptr);
  close_with_reset(accepted());
  char buffer[1];
  EXPECT_EQ(stream.read_some(buffer).error().code, ECONNRESET);
}

TEST(Sockets, OneListenerServesBothFamilies) {
  UniqueFd listener = *listen_both_families(0);
  Address local = *local_address(listener.get());
  auto v4 = Stream::connect({"127.0.0.1", local.port()}, soon(), nullptr);
  ASSERT_TRUE(v4);
  ASSERT_TRUE(wait_ready(listener.get(), POLLIN, soon(), nullptr));
  EXPECT_EQ((*accept_next(listener.get()))->peer, *local_address(v4->fd()));
  if (local.family() != AF_INET6) GTEST_SKIP() << "no IPv6 here";
  EXPECT_TRUE(Stream::connect({"::1", local.port()}, soon(), nullptr));
}

TEST(Sockets, ATakenPortSaysSo) {
  UniqueFd listener = *listen_on(Address::loopback_v4(0));
  Address taken = *local_address(listener.get());
  EXPECT_EQ(listen_on(taken).error().message,
            "listen on " + taken.text() + ": Address already in use");
  EXPECT_FALSE((*accept_next(listener.get())).has_value());
}

TEST(Sockets, UnixPathsAndAbstractNames) {
  auto name = "@mishap-test-" + std::to_string(getpid());
  UniqueFd listener = *listen_on(*Address::unix_path(name));
  EXPECT_EQ(local_address(listener.get())->text(), name);
  EXPECT_TRUE(start_connect(*Address::unix_path(name)));
  EXPECT_EQ(Address::unix_path(std::string(200, 'a')).error().message,
            "socket path " + std::string(200, 'a') + " is longer than 107 bytes");
}

TEST(Address, TextAndParts) {
  Address v4 = Address::loopback_v4(80);
  EXPECT_EQ(v4.text(), "127.0.0.1:80");
  v4.set_port(81);
  EXPECT_EQ(v4.port(), 81);
  EXPECT_TRUE(v4.is_loopback());
  EXPECT_EQ(Address::loopback_v6(1).text(), "[::1]:1");
  Address mapped = *Address::numeric("::ffff:127.0.0.1", 81);
  EXPECT_TRUE(mapped.is_loopback());
  EXPECT_EQ(mapped.without_v4_mapping(), v4);
  EXPECT_FALSE(Address::numeric("10.0.0.1", 1)->is_loopback());
  EXPECT_TRUE(Address::numeric("0.0.0.0", 1)->is_loopback());
  EXPECT_TRUE(Address::numeric("::", 1)->is_loopback());
  EXPECT_FALSE(Address::numeric("example", 1));
  sockaddr_storage garbage{};
  EXPECT_FALSE(Address::from(reinterpret_cast<sockaddr*>(&garbage), 1));
  garbage.ss_family = AF_INET6;
  EXPECT_FALSE(Address::from(reinterpret_cast<sockaddr*>(&garbage), 8));
}

class TlsStreamTest : public StreamTest {
 protected:
  Endpoint tls_endpoint(const Trust& trust, std::vector<std::string> alpn = {}) {
    Endpoint out = endpoint();
    out.tls = std::make_shared<const TlsClient>(
        TlsClient{*TlsContext::client(trust, std::nullopt), "db", std::move(alpn)});
    return out;
  }
  /// Answers with what it gets, to the end.
  std::thread serve() {
    return std::thread([this] {
      TlsPeer peer(accepted(), context_);
      if (!peer.shake_hands()) return;
      for (std::string got = peer.read(1); !got.empty(); got = peer.read(1)) peer.write(got);
    });
  }
  std::shared_ptr<const Authority> authority_ = *Authority::generate();
  TlsContext context_ = *TlsContext::server(*authority_->issue({"db"}));
};

TEST_F(TlsStreamTest, SpeaksTlsWhereTheEndpointSaysSo) {
  std::thread server = serve();
  {
    auto stream = Stream::connect(
        tls_endpoint({authority_->certificate_pem(), false}, {"h2", "http/1.1"}), soon(), nullptr);
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(stream->alpn(), "http/1.1");
    std::string sent(20'000, 'x'), got;
    ASSERT_TRUE(stream->write_all(sent));
    char buffer[1000];
    while (got.size() < sent.size()) {
      auto count = stream->read_some(buffer);
      ASSERT_TRUE(count) << count.error().message;
      ASSERT_GT(*count, 0u);
      got.append(buffer, *count);
    }
    EXPECT_EQ(got, sent);
    EXPECT_EQ(stream->buffered(), 0u);
  }
  server.join();
}

TEST_F(TlsStreamTest, AServerThatIsNotTrustedIsAnError) {
  std::thread server = serve();
  auto stream = Stream::connect(tls_endpoint({"", false}), soon(), nullptr);
  EXPECT_EQ(stream.error().message,
            fmt::format("connect to 127.0.0.1:{}: TLS: the certificate (CN=db) is not trusted: "
                        "unable to get local issuer certificate",
                        port_));
  server.join();
}

TEST_F(TlsStreamTest, AServerWithoutTlsIsAnError) {
  std::thread server([this] {
    UniqueFd peer = accepted();
    ASSERT_EQ(send(peer.get(), "+OK ready\r\n", 11, 0), 11);
    char buffer[4096];
    while (wait_ready(peer.get(), POLLIN, soon(), nullptr) &&
           recv(peer.get(), buffer, sizeof buffer, 0) > 0) {
    }
  });
  auto stream = Stream::connect(tls_endpoint({"", false}), soon(), nullptr);
  EXPECT_EQ(stream.error().message,
            fmt::format("connect to 127.0.0.1:{}: TLS: the server does not speak TLS", port_));
  server.join();
}

TEST_F(TlsStreamTest, AServerThatHangsUpIsAnError) {
  std::thread server([this] {
    UniqueFd peer = accepted();
    char buffer[4096];
    ASSERT_TRUE(wait_ready(peer.get(), POLLIN, soon(), nullptr));
    ASSERT_GT(recv(peer.get(), buffer, sizeof buffer, 0), 0);
  });
  auto stream = Stream::connect(tls_endpoint({"", false}), soon(), nullptr);
  EXPECT_EQ(stream.error().message,
            fmt::format("connect to 127.0.0.1:{}: TLS: the connection was closed during the "
                        "handshake",
                        port_));
  server.join();
}

}  // namespace
}  // namespace mishap::net
