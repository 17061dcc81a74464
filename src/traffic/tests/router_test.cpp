#include "mishap/traffic/router.h"

#include <cerrno>
#include <future>
#include <thread>

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace mishap::traffic {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A filter that answers "no" to whatever contains a '!' and cuts what contains a '#'.
class TestFilter final : public Filter {
 public:
  void on_bytes(Direction direction, std::string_view bytes, Sink& sink) override {
    if (bytes.find('!') != std::string_view::npos) {
      sink.report("error", {{"text", std::string(bytes)}});
      sink.send(Direction::to_client, "no");
    } else if (bytes.find('#') != std::string_view::npos) {
      sink.end(Ending::reset);
    } else if (bytes.find('~') != std::string_view::npos) {
      held_ = bytes;
      sink.start_timer(milliseconds(20), 7);
    } else {
      sink.send(direction, bytes);
    }
  }
  void on_eof(Direction direction, Sink& sink) override { sink.send_eof(direction); }
  void on_timer(uint64_t token, Sink& sink) override {
    if (token == 7) sink.send(Direction::to_server, held_);
  }

 private:
  std::string held_;
};

class TestProtocol final : public Protocol {
 public:
  TestProtocol() : Protocol({.name = "test"}) {}
  std::unique_ptr<Filter> make_filter() const override { return std::make_unique<TestFilter>(); }
  Result<StepResult> step(const StepCall&) const override { return fail("none"); }
  Result<void> ready(const net::Endpoint&, const std::map<std::string, std::string>&,
                     net::Deadline) const override {
    return {};
  }
};

net::Deadline soon() { return net::Clock::now() + seconds(20); }

/// A loop in its own thread, a router on it, and a listener that plays the service.
class RouterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    loop_ = std::move(*net::Loop::create());
    router_ = std::move(*Router::create(*loop_, log_, decider_));
    listener_ = std::move(*net::listen_on(net::Address::loopback_v4(0)));
    service_ = *net::local_address(listener_.get());
    thread_ = std::thread([this] { loop_->run(); });
  }
  void TearDown() override {
    loop_->stop();
    thread_.join();
    router_.reset();
  }

  void relay(const Protocol* protocol = nullptr) {
    ASSERT_TRUE(router_->relay("db", "main", {"127.0.0.1", service_.port()}, protocol));
  }
  net::Stream dial(const net::Endpoint& endpoint) {
    auto stream = net::Stream::connect(endpoint, soon(), nullptr);
    EXPECT_TRUE(stream) << stream.error().message;
    return std::move(*stream);
  }
  net::Stream dial() { return dial(*router_->dial_address("db", "main")); }
  /// What the service accepts.
  UniqueFd accept() {
    EXPECT_TRUE(net::wait_ready(listener_.get(), POLLIN, soon(), nullptr));
    auto accepted = net::accept_next(listener_.get());
    return accepted && *accepted ? std::move((*accepted)->fd) : UniqueFd();
  }
  /// Reads `count` bytes, or up to the end of stream; "reset" when there was one.
  static std::string read(int fd, size_t count) {
    std::string out;
    std::vector<char> buffer(64 * 1024);
    while (out.size() < count && net::wait_ready(fd, POLLIN, soon(), nullptr)) {
      ssize_t got = recv(fd, buffer.data(), std::min(buffer.size(), count - out.size()), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) return out + "reset";
      if (got == 0) return out + "eof";
      out.append(buffer.data(), size_t(got));
    }
    return out;
  }
  static bool silent(int fd) {
    pollfd entry{fd, POLLIN, 0};
    return poll(&entry, 1, 30) == 0;
  }
  /// The event of that type, waited for.
  const event::Event& event(std::string_view type) {
    for (size_t i = 0;; ++i) {
      if (!log_.wait_beyond(i, soon())) ADD_FAILURE() << "no event " << type;
      if (log_.at(i).type == type) return log_.at(i);
    }
  }

  event::Log log_;
  fault::ProtocolDecider decider_{1};
  std::unique_ptr<net::Loop> loop_;
  std::unique_ptr<Router> router_;
  UniqueFd listener_;
  net::Address service_;
  std::thread thread_;
  TestProtocol protocol_;
};

TEST_F(RouterTest, PassesBytesAndHalfCloses) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(client.write_all("ping"));
  EXPECT_EQ(read(server.get(), 4), "ping");
  shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(read(server.get(), 1), "eof");
  ASSERT_EQ(send(server.get(), "late", 4, 0), 4);
  EXPECT_EQ(read(client.fd(), 4), "late") << "the other direction goes on";
  server.reset();
  EXPECT_EQ(read(client.fd(), 1), "eof");

  const event::Event& started = event("proxy_started");
  EXPECT_EQ(started.service, "db");
  EXPECT_EQ(started.fields.get("mode"), "passthrough");
  const event::Event& open = event("proxy_conn_open");
  EXPECT_EQ(open.fields.get("from"), "test");
  EXPECT_EQ(open.fields.get("interface"), "main");
  EXPECT_EQ(open.fields.get("conn_id"), "00000001");
  const event::Event& close = event("proxy_conn_close");
  EXPECT_EQ(close.fields.get("reason"), "client_eof");
  EXPECT_EQ(close.fields.get("bytes_c2s"), "4");
  EXPECT_EQ(close.fields.get("bytes_s2c"), "4");
}

TEST_F(RouterTest, ManyBytesBothWaysAtOnceArriveInOrder) {
  for (const Protocol* protocol :
       {static_cast<const Protocol*>(nullptr), static_cast<const Protocol*>(&protocol_)}) {
    std::string name = protocol == nullptr ? "plain" : "filtered";
    ASSERT_TRUE(router_->relay(name, "main", {"127.0.0.1", service_.port()}, protocol));
    net::Stream client = dial(*router_->dial_address(name, "main"));
    UniqueFd server = accept();
    std::string forth(8'000'000, 'a'), back(8'000'000, 'b');
    for (size_t i = 0; i < forth.size(); i += 1000) forth[i] = back[i] = char('c' + i / 1000 % 20);
    std::string got;
    std::thread reader([&] { got = read(server.get(), forth.size()); });
    std::thread writer([&] {
      std::string_view rest = back;
      while (!rest.empty() && net::wait_ready(server.get(), POLLOUT, soon(), nullptr)) {
        ssize_t sent = send(server.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent > 0) rest.remove_prefix(size_t(sent));
      }
    });
    auto replies = std::async([&] { return read(client.fd(), back.size()); });
    EXPECT_TRUE(client.write_all(forth));
    EXPECT_TRUE(replies.get() == back);
    reader.join();
    writer.join();
    EXPECT_TRUE(got == forth);
  }
}

TEST_F(RouterTest, ASlowReceiverStopsItsSender) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  std::string block(1 << 20, 'x');
  size_t taken = 0;
  // Nobody reads: what the kernel and the relay take is bounded.
  while (net::wait_ready(client.fd(), POLLOUT, net::Clock::now() + milliseconds(200), nullptr)) {
    ssize_t sent = send(client.fd(), block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ASSERT_GT(sent, 0);
    taken += size_t(sent);
    ASSERT_LT(taken, size_t{256} << 20);
  }
  EXPECT_EQ(read(server.get(), taken).size(), taken);
}

TEST_F(RouterTest, AResetIsPassedOnAfterTheBytesBeforeIt) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  // Once bytes have passed, the relay knows that it is connected.
  ASSERT_TRUE(client.write_all("hello"));
  ASSERT_EQ(read(server.get(), 5), "hello");
  ASSERT_EQ(send(server.get(), "last words", 10, 0), 10);
  net::close_with_reset(std::move(server));
  EXPECT_EQ(read(client.fd(), 100), "last wordsreset");
  EXPECT_EQ(event("proxy_conn_close").fields.get("reason"), "io_error");
}

TEST_F(RouterTest, LastWordsOfAnUpstreamThatIsGoneBeforeTheRelayLooksArrive) {
  relay();
  auto route = router_->route("api", "db", "main", AF_INET, service_);
  ASSERT_TRUE(route);
  UniqueFd upstream = std::move(*net::start_connect(service_));
  UniqueFd server = accept();
  ASSERT_EQ(send(server.get(), "last words", 10, 0), 10);
  net::close_with_reset(std::move(server));
  pollfd gone{upstream.get(), 0, 0};
  ASSERT_EQ(poll(&gone, 1, 20000), 1);

  UniqueFd program(socket(AF_INET, SOCK_STREAM, 0));
  net::Address any = net::Address::loopback_v4(0);
  ASSERT_EQ(bind(program.get(), any.raw(), any.length()), 0);
  router_->adopt(route->id, AF_INET, net::local_address(program.get())->port(),
                 std::move(upstream));
  ASSERT_EQ(connect(program.get(), route->relay.raw(), route->relay.length()), 0);
  EXPECT_EQ(read(program.get(), 100), "last wordsreset");
}

TEST_F(RouterTest, ARefusedUpstreamResetsTheTestDriver) {
  relay();
  listener_.reset();
  auto client = net::Stream::connect(*router_->dial_address("db", "main"), soon(), nullptr);
  // The reset may come before the client has seen that it is connected.
  if (client) {
    EXPECT_EQ(read(client->fd(), 1), "reset");
  } else {
    EXPECT_EQ(client.error().code, ECONNRESET) << client.error().message;
  }
}

TEST_F(RouterTest, FiltersInjectDelayAndReset) {
  relay(&protocol_);
  net::Stream client = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(client.write_all("bad!"));
  EXPECT_EQ(read(client.fd(), 2), "no");
  const event::Event& proxy = event("proxy");
  EXPECT_EQ(proxy.fields.get("action"), "error");
  EXPECT_EQ(proxy.fields.get("text"), "bad!");
  EXPECT_EQ(proxy.fields.get("protocol"), "test");
  EXPECT_EQ(proxy.fields.get("from"), "test");

  auto before = net::Clock::now();
  ASSERT_TRUE(client.write_all("~"));
  EXPECT_EQ(read(server.get(), 1), "~");
  EXPECT_GE(net::Clock::now() - before, milliseconds(20));

  ASSERT_TRUE(client.write_all("#"));
  EXPECT_EQ(read(client.fd(), 1), "reset");
  EXPECT_EQ(read(server.get(), 1), "reset");
  EXPECT_EQ(event("proxy_conn_close").fields.get("reason"), "rule_drop");
}

TEST_F(RouterTest, AdoptionsMeetTheirConnectionsInEitherOrder) {
  relay();
  EXPECT_FALSE(router_->route("api", "db", "other", AF_INET, service_));
  auto route = router_->route("api", "db", "main", AF_INET, service_);
  ASSERT_TRUE(route);
  EXPECT_EQ(route->edge, (fault::Edge{"api", "db", "main"}));
  auto v6 = router_->route("api", "db", "main", AF_INET6, service_);
  if (v6) {
    EXPECT_EQ(v6->id, route->id);
    EXPECT_EQ(v6->relay.family(), AF_INET6);
  }

  for (bool adopt_first : {true, false}) {
    // As a supervisor does it: upstream first, then the program's own socket.
    UniqueFd upstream = std::move(*net::start_connect(service_));
    UniqueFd server = accept();
    UniqueFd program(socket(AF_INET, SOCK_STREAM, 0));
    net::Address any = net::Address::loopback_v4(0);
    ASSERT_EQ(bind(program.get(), any.raw(), any.length()), 0);
    uint16_t port = net::local_address(program.get())->port();
    auto adopt = [&] { router_->adopt(route->id, AF_INET, port, std::move(upstream)); };
    if (adopt_first) adopt();
    ASSERT_EQ(connect(program.get(), route->relay.raw(), route->relay.length()), 0);
    ASSERT_EQ(send(program.get(), "hi", 2, 0), 2);
    if (!adopt_first) adopt();
    EXPECT_EQ(read(server.get(), 2), "hi");
  }
  EXPECT_EQ(event("proxy_conn_open").fields.get("from"), "api");
}

TEST_F(RouterTest, ACutStallsSilentlyUntilItIsMended) {
  relay();
  net::Stream open = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(open.write_all("a"));
  EXPECT_EQ(read(server.get(), 1), "a");

  CutId cut = router_->cut({{"test", "db"}});
  EXPECT_EQ(router_->effects(cut), 0) << "nobody has said anything yet";
  ASSERT_TRUE(open.write_all("b"));
  EXPECT_TRUE(silent(server.get()));
  EXPECT_EQ(router_->effects(cut), 1);
  const event::Event& lost = event("proxy");
  EXPECT_EQ(lost.fields.get("action"), "partitioned");
  EXPECT_EQ(lost.fields.get("what"), "bytes");
  EXPECT_EQ(lost.fields.get("direction"), "c2s");
  ASSERT_TRUE(open.write_all("b"));
  ASSERT_EQ(send(server.get(), "c", 1, 0), 1);
  EXPECT_EQ(read(open.fd(), 1), "c") << "the cut is one-way";
  EXPECT_EQ(router_->effects(cut), 1) << "a connection counts once";
  net::Stream hanging = dial();
  EXPECT_TRUE(silent(listener_.get()));
  EXPECT_EQ(router_->effects(cut), 2);

  router_->mend(cut);
  EXPECT_EQ(read(server.get(), 2), "bb");
  UniqueFd second = accept();
  ASSERT_TRUE(hanging.write_all("d"));
  EXPECT_EQ(read(second.get(), 1), "d");
  EXPECT_EQ(router_->effects(cut), 2) << "known also afterwards";
}

TEST_F(RouterTest, CutsNestAndEachCountsWhatItKeptBack) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  CutId outer = router_->cut({{"db", "test"}, {"test", "db"}});
  CutId inner = router_->cut({{"db", "test"}});
  CutId other = router_->cut({{"db", "api"}});
  ASSERT_EQ(send(server.get(), "x", 1, 0), 1);
  EXPECT_TRUE(silent(client.fd()));
  router_->mend(inner);
  router_->mend(inner);  // taken back once
  EXPECT_TRUE(silent(client.fd())) << "the outer cut holds it";
  router_->mend(outer);
  EXPECT_EQ(read(client.fd(), 1), "x");
  EXPECT_EQ(router_->effects(outer), 1);
  EXPECT_EQ(router_->effects(inner), 1);
  EXPECT_EQ(router_->effects(other), 0);
}

TEST_F(RouterTest, TheEndOfAConnectionIsKeptBackByACut) {
  relay();
  auto relayed = *router_->dial_address("db", "main");
  UniqueFd client =
      std::move(*net::start_connect(*net::Address::numeric(relayed.host, relayed.port)));
  UniqueFd server = accept();
  ASSERT_EQ(send(client.get(), "a", 1, 0), 1);
  ASSERT_EQ(read(server.get(), 1), "a");
  CutId cut = router_->cut({{"test", "db"}});
  net::close_with_reset(std::move(client));
  EXPECT_TRUE(silent(server.get())) << "a reset is lost as well";
  EXPECT_EQ(router_->effects(cut), 1);
  // Nor does writing to who is gone tell, since that is answered by a reset, too.
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(send(server.get(), "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_TRUE(silent(server.get()));
  }
  router_->mend(cut);
  EXPECT_EQ(read(server.get(), 1), "reset");
}

TEST_F(RouterTest, WhatADelayReleasesIntoACutIsKeptBack) {
  relay(&protocol_);
  net::Stream client = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(client.write_all("~"));
  while (router_->held_count() == 0) std::this_thread::yield();
  CutId cut = router_->cut({{"test", "db"}});
  EXPECT_TRUE(silent(server.get()));
  EXPECT_EQ(router_->effects(cut), 1);
  router_->mend(cut);
  EXPECT_EQ(read(server.get(), 1), "~");
}

fault::LinkRule link(fault::LinkAction action) {
  fault::LinkRule rule;
  rule.service = "db";
  rule.interface = "main";
  rule.action = action;
  return rule;
}

TEST_F(RouterTest, ADelayOfALinkIsThatOfEachDirection) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  fault::LinkRule slow = link(fault::LinkAction::delay);
  slow.delay = milliseconds(40);
  slow.to_client = false;
  LinkId forth = router_->shape(slow);
  std::swap(slow.to_server, slow.to_client);
  slow.delay = milliseconds(20);
  LinkId back = router_->shape(slow);

  auto begin = net::Clock::now();
  ASSERT_TRUE(client.write_all("ping"));
  EXPECT_EQ(read(server.get(), 4), "ping");
  auto there = net::Clock::now() - begin;
  EXPECT_GE(there, milliseconds(40));
  EXPECT_LT(there, milliseconds(500));
  ASSERT_EQ(send(server.get(), "pong", 4, 0), 4);
  EXPECT_EQ(read(client.fd(), 4), "pong");
  EXPECT_GE(net::Clock::now() - begin - there, milliseconds(20));
  EXPECT_EQ(router_->shaped(forth), 1);
  EXPECT_EQ(router_->shaped(back), 1);
  EXPECT_EQ(event("proxy").fields.get("action"), "slowed");
  EXPECT_EQ(event("proxy").fields.get("direction"), "c2s");

  // The end of the stream takes as long.
  begin = net::Clock::now();
  shutdown(client.fd(), SHUT_WR);
  EXPECT_EQ(read(server.get(), 1), "eof");
  EXPECT_GE(net::Clock::now() - begin, milliseconds(40));
  router_->unshape(forth);
  router_->unshape(back);
}

TEST_F(RouterTest, AResetIsAsLateAsTheBytesBeforeIt) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(client.write_all("hello"));
  ASSERT_EQ(read(server.get(), 5), "hello");
  fault::LinkRule slow = link(fault::LinkAction::delay);
  slow.delay = milliseconds(40);
  router_->shape(slow);
  auto begin = net::Clock::now();
  ASSERT_EQ(send(server.get(), "last words", 10, 0), 10);
  net::close_with_reset(std::move(server));
  EXPECT_EQ(read(client.fd(), 11), "last wordsreset");
  EXPECT_GE(net::Clock::now() - begin, milliseconds(40));
}

TEST_F(RouterTest, AStalledLinkKeepsWhatComesAfterSoManyBytes) {
  relay(&protocol_);
  net::Stream client = dial();
  UniqueFd server = accept();
  fault::LinkRule stall = link(fault::LinkAction::stall);
  stall.after_bytes = 3;
  stall.to_client = false;
  LinkId id = router_->shape(stall);
  ASSERT_TRUE(client.write_all("abc"));
  EXPECT_EQ(read(server.get(), 3), "abc");
  EXPECT_EQ(router_->shaped(id), 0);
  ASSERT_TRUE(client.write_all("def"));
  EXPECT_TRUE(silent(server.get()));
  EXPECT_EQ(router_->shaped(id), 1);
  ASSERT_EQ(send(server.get(), "x", 1, 0), 1);
  EXPECT_EQ(read(client.fd(), 1), "x") << "the other direction goes on";
  router_->unshape(id);
  EXPECT_EQ(read(server.get(), 3), "def");
}

TEST_F(RouterTest, AResetLinkResetsWhatComesAfterSoManyBytes) {
  relay();
  fault::LinkRule reset = link(fault::LinkAction::reset);
  reset.after_bytes = 2;
  LinkId id = router_->shape(reset);
  net::Stream client = dial();
  UniqueFd server = accept();
  ASSERT_TRUE(client.write_all("abcd"));
  EXPECT_EQ(read(server.get(), 3), "abreset");
  EXPECT_EQ(read(client.fd(), 1), "reset");
  EXPECT_EQ(router_->shaped(id), 1);
  EXPECT_EQ(event("proxy_conn_close").fields.get("reason"), "rule_drop");
}

TEST_F(RouterTest, RulesForLinksNameTheirEdge) {
  relay();
  net::Stream client = dial();
  UniqueFd server = accept();
  fault::LinkRule stall = link(fault::LinkAction::stall);
  stall.source = "api";
  router_->shape(stall);
  stall.source = "";
  stall.interface = "other";
  router_->shape(stall);
  ASSERT_TRUE(client.write_all("abc"));
  EXPECT_EQ(read(server.get(), 3), "abc");
}

TEST_F(RouterTest, ALimitIsWhatAllConnectionsCarryTogether) {
  relay();
  net::Stream one = dial(), two = dial();
  UniqueFd first = accept(), second = accept();
  router_->limit({.rate = "1MB/s", .bytes_per_second = 1'000'000, .to_client = false});
  std::string block(100'000, 'x');
  auto begin = net::Clock::now();
  auto writer = std::async([&] { return bool(one.write_all(block)); });
  ASSERT_TRUE(two.write_all(block));
  auto reader = std::async([&] { return read(first.get(), block.size()).size(); });
  EXPECT_EQ(read(second.get(), block.size()).size(), block.size());
  EXPECT_EQ(reader.get(), block.size());
  EXPECT_TRUE(writer.get());
  auto took = net::Clock::now() - begin;
  EXPECT_GE(took, milliseconds(200));
  EXPECT_LT(took, milliseconds(1000));
  auto uses = router_->unlimit();
  ASSERT_EQ(uses.size(), 1);
  EXPECT_EQ(uses[0].direction, Direction::to_server);
  EXPECT_EQ(uses[0].bytes, 200'000);
}

TEST_F(RouterTest, ConnectsIntoACutHangAndGoOnWhenItIsMended) {
  relay();
  CutId cut = router_->cut({{"db", "api"}});
  auto route = router_->route("api", "db", "main", AF_INET, service_);
  ASSERT_TRUE(route && route->into_silence);
  UniqueFd program = std::move(*net::start_connect(route->relay));
  pollfd entry{program.get(), POLLOUT, 0};
  EXPECT_EQ(poll(&entry, 1, 50), 0) << "the connect hangs";
  EXPECT_EQ(router_->effects(cut), 1);
  EXPECT_EQ(event("proxy").fields.get("what"), "connect");
  router_->mend(cut);
  // The kernel repeats the SYN after a second.
  ASSERT_TRUE(net::wait_ready(program.get(), POLLOUT, soon(), nullptr));
  UniqueFd server = accept();
  ASSERT_EQ(send(program.get(), "hi", 2, 0), 2);
  EXPECT_EQ(read(server.get(), 2), "hi");
  EXPECT_FALSE(router_->route("api", "db", "main", AF_INET, service_)->into_silence);
}

TEST_F(RouterTest, RefusesNamesAndKnowsWhatIsNotRelayed) {
  auto named = router_->relay("db", "main", {"db.example", 5432}, nullptr);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().message, "relay db.main: \"db.example\" is not a numeric address");
  EXPECT_FALSE(router_->dial_address("db", "main"));
}

}  // namespace
}  // namespace mishap::traffic
