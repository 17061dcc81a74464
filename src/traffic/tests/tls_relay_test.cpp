// TLS through a relay, over real sockets.
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "mishap/net/testing/tls_peer.h"
#include "mishap/traffic/router.h"

namespace mishap::traffic {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

net::Deadline soon() { return net::Clock::now() + seconds(20); }

/// Passes everything, and cuts the connection at a '#'.
class PassFilter final : public Filter {
 public:
  void on_bytes(Direction direction, std::string_view bytes, Sink& sink) override {
    if (bytes.find('#') != std::string_view::npos) return sink.end(Ending::reset);
    sink.send(direction, bytes);
  }
  void on_eof(Direction direction, Sink& sink) override { sink.send_eof(direction); }
  void on_timer(uint64_t, Sink&) override {}
};

class PassProtocol final : public Protocol {
 public:
  PassProtocol() : Protocol({.name = "pass"}) {}
  std::unique_ptr<Filter> make_filter() const override { return std::make_unique<PassFilter>(); }
  Result<StepResult> step(const StepCall&) const override { return fail("none"); }
  Result<void> ready(const net::Endpoint&, const std::map<std::string, std::string>&,
                     net::Deadline) const override {
    return {};
  }
};

/// A relay that speaks TLS, a client of it, and the server behind it.
class TlsRelayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    router_ = *Router::create(*loop_, log_, decider_);
    auto port = net::local_address(listener_.get())->port();
    ASSERT_TRUE(router_->relay("db", "main", {"127.0.0.1", port}, &protocol_, termination()));
    thread_ = std::thread([this] { loop_->run(); });
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    router_.reset();
  }
  std::shared_ptr<const TlsTermination> termination() {
    return std::make_shared<const TlsTermination>(
        TlsTermination{*net::TlsContext::server(*authority_->issue({"db"})),
                       *net::TlsContext::client({authority_->certificate_pem(), false}, {}),
                       {"db"}});
  }
  /// Both ends of one connection, their handshakes done.
  void connect() {
    net::Endpoint endpoint = *router_->dial_address("db", "main");
    endpoint.tls = std::make_shared<const net::TlsClient>(net::TlsClient{
        *net::TlsContext::client({authority_->certificate_pem(), false}, {}), "db", {"a", "b"}});
    auto dialled =
        std::async(std::launch::async, [&] { return net::Stream::connect(endpoint, soon(), {}); });
    ASSERT_TRUE(net::wait_ready(listener_.get(), POLLIN, soon(), nullptr));
    server_.emplace(std::move((*net::accept_next(listener_.get()))->fd), server_context_);
    ASSERT_TRUE(server_->shake_hands()) << server_->engine().error();
    auto stream = dialled.get();
    ASSERT_TRUE(stream) << stream.error().message;
    client_.emplace(std::move(*stream));
  }
  std::string read_client(size_t count) {
    std::string out;
    std::vector<char> buffer(64 * 1024);
    while (out.size() < count) {
      auto got = client_->read_some({buffer.data(), std::min(buffer.size(), count - out.size())});
      if (!got) return out + got.error().message;
      if (*got == 0) break;
      out.append(buffer.data(), *got);
    }
    return out;
  }
  const event::Event& event(std::string_view type) {
    for (size_t i = 0;; ++i) {
      if (!log_.wait_beyond(i, soon())) ADD_FAILURE() << "no event " << type;
      if (log_.at(i).type == type) return log_.at(i);
    }
  }

  std::shared_ptr<const net::Authority> authority_ = *net::Authority::generate();
  net::TlsContext server_context_ = *net::TlsContext::server(*authority_->issue({"db"}));
  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_ = *net::Loop::create();
  UniqueFd listener_ = *net::listen_on(net::Address::loopback_v4(0));
  PassProtocol protocol_;
  std::unique_ptr<Router> router_;
  std::thread thread_;
  std::optional<net::Stream> client_;
  std::optional<net::TlsPeer> server_;
};

TEST_F(TlsRelayTest, TheEventsSayThatItIsTls) {
  connect();
  EXPECT_EQ(event("proxy_started").fields.get("mode"), "tls");
  const event::Event& done = event("proxy_handshake_complete");
  EXPECT_EQ(done.service, "db");
  EXPECT_EQ(done.fields.get("version"), "TLSv1.3");
  EXPECT_EQ(done.fields.get("alpn"), "b");
  EXPECT_EQ(done.fields.get("server_name"), "db");
  EXPECT_EQ(done.fields.get("from"), "test");
  EXPECT_EQ(done.fields.get("conn_id"), event("proxy_conn_open").fields.get("conn_id"));
  EXPECT_NE(done.fields.find("duration_ms"), nullptr);
  EXPECT_EQ(client_->alpn(), "b");
}

TEST_F(TlsRelayTest, MuchPassesBothWaysAtOnceWhoeverLags) {
  connect();
  constexpr size_t kMuch = 20'000'000;
  const std::string forth = std::string().append(kMuch, 'f');
  const std::string back = std::string().append(kMuch, 'b');
  auto server_reads = std::async(std::launch::async, [&] {
    std::this_thread::sleep_for(milliseconds(50));  // lags, so that the relay must hold the client
    std::string got = server_->read(forth.size());
    server_->write(back);
    return got;
  });
  ASSERT_TRUE(client_->write_all(forth));
  EXPECT_EQ(read_client(back.size()), back);
  EXPECT_EQ(server_reads.get(), forth);
}

TEST_F(TlsRelayTest, ASenderWhoseReceiverDoesNotReadIsMadeToWait) {
  connect();
  client_->set_deadline(net::Clock::now() + milliseconds(300));
  std::string block(1'000'000, 'x');
  Result<void> sent;
  for (int i = 0; i < 200 && sent; ++i) sent = client_->write_all(block);
  ASSERT_FALSE(sent) << "200 MB were taken in by somebody";
  EXPECT_EQ(sent.error().message, "write: timed out");
}

TEST_F(TlsRelayTest, AHalfCloseIsPassedOn) {
  connect();
  server_->write("bye");
  server_->close_notify();
  EXPECT_EQ(read_client(100), "bye");
  ASSERT_TRUE(client_->write_all("still here"));
  EXPECT_EQ(server_->read(10), "still here");
}

TEST_F(TlsRelayTest, AResetIsPassedOnAsOne) {
  connect();
  net::close_with_reset(server_->take_fd());
  EXPECT_EQ(read_client(1), "read: Connection reset by peer");
  connect();
  ASSERT_TRUE(client_->write_all("cut here: #"));
  EXPECT_EQ(read_client(1), "read: Connection reset by peer");
  EXPECT_EQ(server_->read(1), "reset");
}

TEST_F(TlsRelayTest, AClientThatDoesNotWaitForTheServersLastWordsHasEnded) {
  connect();
  // Closing a socket with unread bytes (the tickets of TLS 1.3) would be a reset.
  server_->write("x");
  EXPECT_EQ(read_client(1), "x");
  client_.reset();
  EXPECT_EQ(server_->read(1), "");
  // It is not there any more to take this.
  server_->close_notify();
  server_->take_fd().reset();
  EXPECT_EQ(event("proxy_conn_close").fields.get("reason"), "client_eof");
}

TEST_F(TlsRelayTest, WhoDoesNotSpeakTlsIsAnEvent) {
  auto plain = net::Stream::connect(*router_->dial_address("db", "main"), soon(), nullptr);
  ASSERT_TRUE(plain->write_all("GET / HTTP/1.1\r\n\r\n"));
  const event::Event& error = event("proxy_tls_error");
  EXPECT_EQ(error.fields.get("side"), "client");
  EXPECT_EQ(error.fields.get("error"), "the client does not speak TLS");
  EXPECT_EQ(error.fields.get("interface"), "main");
  EXPECT_EQ(event("proxy_conn_close").fields.get("reason"), "io_error") << "not a rule";
}

}  // namespace
}  // namespace mishap::traffic
