#include <condition_variable>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <gmock/gmock.h>
#include <poll.h>

#include "supervised.h"

namespace mishap::syscalls {
namespace {

using ::testing::ElementsAre;

/// A listener on a port of its own.
struct Server {
  UniqueFd socket;
  SocketAddress address;

  explicit Server(const SocketAddress& at, int backlog = 16)
      : socket(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)), address(at) {
    EXPECT_EQ(bind(socket.get(), at.get(), at.length), 0) << strerror(errno);
    EXPECT_EQ(listen(socket.get(), backlog), 0);
    address.length = sizeof address.storage;
    getsockname(socket.get(), address.get(), &address.length);
  }
  UniqueFd accept(SocketAddress* from = nullptr) const {
    SocketAddress ignored;
    SocketAddress& out = from ? *from : ignored;
    out.length = sizeof out.storage;
    pollfd ready{socket.get(), POLLIN, 0};
    if (poll(&ready, 1, 10000) != 1) return {};
    return UniqueFd(::accept(socket.get(), out.get(), &out.length));
  }
};

/// Sends everything for one port to its relay of the same family.
class OneRelay : public ConnectRouter {
 public:
  std::optional<Route> route(std::string_view consumer, const SocketAddress& destination) override {
    EXPECT_EQ(consumer, "svc");
    if (destination.port() != watched_port) return std::nullopt;
    Route route;
    route.relay = destination.family() == AF_INET6 ? relay6.address : relay4.address;
    route.into_silence = into_silence;
    route.edge = 42;
    return route;
  }
  void adopt(Adoption adoption) override {
    std::lock_guard lock(mutex);
    adoptions.push_back(std::move(adoption));
    changed.notify_all();
  }
  std::optional<Adoption> wait_adoption() {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, std::chrono::seconds(10), [&] { return !adoptions.empty(); }))
      return std::nullopt;
    Adoption first = std::move(adoptions.front());
    adoptions.erase(adoptions.begin());
    return first;
  }

  Server relay4{SocketAddress::ipv4(INADDR_LOOPBACK, 0)};
  Server relay6{SocketAddress::ipv6_loopback(0)};
  uint16_t watched_port = 0;
  bool into_silence = false;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Adoption> adoptions;
};

class RedirectTest : public SupervisedTest {
 protected:
  void SetUp() override {
    SupervisedTest::SetUp();
    router = &relay;
    plan.redirect_connects = true;
  }
  void start_client(uint16_t port, const std::string& mode, std::vector<std::string> hosts) {
    relay.watched_port = port;
    hosts.insert(hosts.begin(), {std::to_string(port), mode});
    start("connect_hosts", hosts);
  }
  /// Plays relay and server for one connection: the server's five bytes reach the program through
  /// both.
  void serve(const Server& server, const Server& relay_side) {
    auto adoption = relay.wait_adoption();
    ASSERT_TRUE(adoption);
    EXPECT_EQ(adoption->edge, 42u);
    EXPECT_EQ(adoption->consumer, "svc");
    EXPECT_EQ(adoption->destination.port(), server.address.port());
    EXPECT_TRUE(adoption->upstream_connected);
    SocketAddress from;
    UniqueFd program = relay_side.accept(&from);
    ASSERT_TRUE(program);
    EXPECT_EQ(from.unmapped().port(), adoption->source_port);
    EXPECT_EQ(from.unmapped().family(), adoption->family);
    UniqueFd served = server.accept();
    ASSERT_TRUE(served);
    ASSERT_EQ(write(served.get(), "hello", 5), 5);
    char bytes[16];
    pollfd ready{adoption->upstream.get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10000), 1);
    ASSERT_EQ(read(adoption->upstream.get(), bytes, sizeof bytes), 5);
    ASSERT_EQ(write(program.get(), bytes, 3), 3);
  }
  OneRelay relay;
};

TEST_F(RedirectTest, Blocking) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  start_client(server.address.port(), "wait", {"127.0.0.1"});
  serve(server, relay.relay4);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("0", "3"));
}

TEST_F(RedirectTest, NonBlocking) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  start_client(server.address.port(), "poll", {"127.0.0.1"});
  serve(server, relay.relay4);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("-EINPROGRESS", "0", "0", "3"));
}

TEST_F(RedirectTest, Ipv6) {
  Server server(SocketAddress::ipv6_loopback(0));
  start_client(server.address.port(), "wait", {"::1"});
  serve(server, relay.relay6);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("0", "3"));
}

TEST_F(RedirectTest, Ipv4ThroughAnIpv6Socket) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  start_client(server.address.port(), "wait", {"::ffff:127.0.0.1"});
  serve(server, relay.relay4);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("0", "3"));
}

TEST_F(RedirectTest, RefusedIsRefused) {
  uint16_t nobody = Server(SocketAddress::ipv4(INADDR_LOOPBACK, 0)).address.port();
  start_client(nobody, "wait", {"127.0.0.1"});
  EXPECT_EQ(finish(), 2);
  EXPECT_THAT(results(), ElementsAre("-ECONNREFUSED"));
  EXPECT_TRUE(relay.adoptions.empty());
}

TEST_F(RedirectTest, RefusedNonBlocking) {
  uint16_t nobody = Server(SocketAddress::ipv4(INADDR_LOOPBACK, 0)).address.port();
  start_client(nobody, "poll", {"127.0.0.1"});
  EXPECT_EQ(finish(), 2);
  EXPECT_THAT(results(), ElementsAre("-EINPROGRESS", std::to_string(ECONNREFUSED)));
}

TEST_F(RedirectTest, LocalhostFallsBackToIpv4) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  start_client(server.address.port(), "wait", {"::1", "127.0.0.1"});
  serve(server, relay.relay4);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("-ECONNREFUSED", "0", "3"));
}

TEST_F(RedirectTest, UnroutedConnectionsAreLeftAlone) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  start("connect_hosts", {std::to_string(server.address.port()), "wait", "127.0.0.1"});
  UniqueFd served = server.accept();
  ASSERT_TRUE(served);
  EXPECT_EQ(write(served.get(), "hello", 5), 5);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("0", "5"));
}

TEST_F(RedirectTest, ADestinationThatHangsHoldsNobodyElse) {
  // A full backlog: further connections neither fail nor succeed.
  Server hung(SocketAddress::ipv4(INADDR_LOOPBACK, 0), 0);
  std::vector<UniqueFd> fillers;
  for (int i = 0; i < 3; ++i) {
    fillers.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)!connect(fillers.back().get(), hung.address.get(), hung.address.length);
  }
  start_client(hung.address.port(), "poll", {"127.0.0.1"});
  auto adoption = relay.wait_adoption();
  ASSERT_TRUE(adoption);
  EXPECT_FALSE(adoption->upstream_connected);
  UniqueFd program = relay.relay4.accept();
  ASSERT_TRUE(program);
  ASSERT_EQ(write(program.get(), "x", 1), 1);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("-EINPROGRESS", "0", "0", "1"));
}

TEST_F(RedirectTest, IntoSilenceDialsNobody) {
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  relay.into_silence = true;
  start_client(server.address.port(), "wait", {"127.0.0.1"});
  UniqueFd program = relay.relay4.accept();
  ASSERT_TRUE(program);
  ASSERT_EQ(write(program.get(), "x", 1), 1);
  EXPECT_EQ(finish(), 0);
  EXPECT_TRUE(relay.adoptions.empty());
  pollfd ready{server.socket.get(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 0), 0);
}

TEST_F(RedirectTest, UnixSocketsUdpAndFastOpen) {
  relay.watched_port = 9;
  EXPECT_EQ(run("connect_unix"), 0);
  EXPECT_THAT(results(), ElementsAre("-ENOENT", "0"));
  EXPECT_EQ(run("fast_open"), 0);
  EXPECT_THAT(results(), ElementsAre("-EOPNOTSUPP", "-EOPNOTSUPP"));
}

TEST_F(SupervisedTest, DeniedConnect) {
  deny("connect", "ECONNREFUSED");
  Server server(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  EXPECT_EQ(run("connect_hosts", {std::to_string(server.address.port()), "poll", "127.0.0.1"}), 2);
  EXPECT_THAT(results(), ElementsAre("-ECONNREFUSED"));
  EXPECT_THAT(decisions("connect"), ElementsAre("deny(connection refused)"));
}

TEST_F(SupervisedTest, DeniedConnectLeavesUnixSocketsAlone) {
  deny("connect", "EACCES");
  EXPECT_EQ(run("connect_unix"), 0);
  EXPECT_THAT(results(), ElementsAre("-ENOENT", "-EACCES"));
}

TEST_F(SupervisedTest, RulesToOnePeer) {
  Server db(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  Server other(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  uint16_t db_port = db.address.port();
  peer_of = [db_port](const SocketAddress& address) -> std::optional<Peer> {
    if (address.port() != db_port) return std::nullopt;
    return Peer{"db", "main"};
  };
  deny("connect", "ECONNREFUSED").to = {"db.main"};
  EXPECT_EQ(run("connect_hosts", {std::to_string(db_port), "wait", "127.0.0.1"}), 2);
  EXPECT_THAT(results(), ElementsAre("-ECONNREFUSED"));
  EXPECT_EQ(events.at(0).peer, "db.main");

  start("connect_hosts", {std::to_string(other.address.port()), "wait", "127.0.0.1"});
  UniqueFd served = other.accept();
  ASSERT_TRUE(served);
  EXPECT_EQ(write(served.get(), "hello", 5), 5);
  EXPECT_EQ(finish(), 0);
}

TEST_F(SupervisedTest, OpenConnectionsKnowTheirPeer) {
  Server db(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  peer_of = [](const SocketAddress&) { return Peer{"db", "main"}; };
  deny("read", "ECONNRESET").to = {"db"};
  start("connect_hosts", {std::to_string(db.address.port()), "wait", "127.0.0.1"});
  UniqueFd served = db.accept();
  ASSERT_TRUE(served);
  EXPECT_EQ(write(served.get(), "hello", 5), 5);
  EXPECT_EQ(finish(), 0);
  EXPECT_THAT(results(), ElementsAre("0", "-ECONNRESET"));
}

TEST(SocketAddress, Text) {
  EXPECT_EQ(SocketAddress::ipv4(INADDR_LOOPBACK, 80).text(), "127.0.0.1:80");
  EXPECT_EQ(SocketAddress::ipv6_loopback(80).text(), "[::1]:80");
  EXPECT_EQ(SocketAddress::ipv4(INADDR_LOOPBACK, 80).mapped().text(), "[::ffff:127.0.0.1]:80");
  EXPECT_EQ(SocketAddress::ipv4(INADDR_LOOPBACK, 80).mapped().unmapped().text(), "127.0.0.1:80");
  EXPECT_EQ(SocketAddress().text(), "unspecified");
}

}  // namespace
}  // namespace mishap::syscalls
