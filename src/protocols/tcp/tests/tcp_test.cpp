#include "mishap/protocols/tcp/tcp.h"

#include <thread>

#include <sys/socket.h>

#include <gtest/gtest.h>
#include <poll.h>

#include "mishap/net/sockets.h"
#include "mishap/traffic/testing/transcript.h"

#include "filter.h"

namespace mishap::protocols::tcp {
namespace {

using fault::ProtocolAction;
using namespace traffic::testing;
using std::chrono::milliseconds;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() { return std::make_unique<TcpFilter>(); }

TEST(TcpFilter, PassesBothWaysWhoeverSpeaksFirst) {
  Transcript talk;
  talk.server("220 hello\r\n").client("EHLO\r\n").server("250\r\n").client_eof().server("bye");
  Outcome out =
      replay_all_ways(make, talk.server_eof(), {rule(ProtocolAction::drop, {{"method", "X"}})});
  EXPECT_EQ(out.to_client, "220 hello\r\n250\r\nbye");
  EXPECT_EQ(out.to_server, "EHLO\r\n");
  EXPECT_TRUE(out.eof_to_client && out.eof_to_server);
}

TEST(TcpFilter, DropsByLiteralPrefix) {
  Rules rules = {rule(ProtocolAction::drop, {{"method", "SET"}})};
  Outcome out = replay(make, Transcript().client("SET x"), rules, [](size_t n) { return n; });
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.reports.at(0).text(), "drop first_bytes=SET x size=5");
  EXPECT_EQ(replay_all_ways(make, Transcript().client("set x"), rules).to_server, "set x");
  EXPECT_EQ(replay_all_ways(make, Transcript().client("SE").client_eof(), rules).to_server, "SE");
}

TEST(TcpFilter, RespondsAndCloses) {
  fault::ProtocolRule respond = rule(ProtocolAction::respond, {{"method", "P"}});
  respond.body = "no\n";
  Outcome out = replay(make, Transcript().client("PING"), {respond}, [](size_t n) { return n; });
  EXPECT_EQ(out.to_client, "no\n");
  EXPECT_EQ(out.to_server, "");
  EXPECT_EQ(out.reports.at(0).text(), "respond first_bytes=PING body_size=3");
}

TEST(TcpFilter, SaysNothingToAClientThatTheServerHasLeft) {
  fault::ProtocolRule respond = rule(ProtocolAction::respond, {{"method", "P"}});
  respond.body = "no\n";
  Outcome out =
      replay_all_ways(make, Transcript().server("bye").server_eof().client("P"), {respond});
  EXPECT_EQ(out.to_client, "bye");
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.reports.at(0).text(), "respond first_bytes=P body_size=0");
}

TEST(TcpFilter, DelaysTheFirstBytesOnce) {
  Transcript talk;
  talk.client("a").client("b").server("s").advance(milliseconds(9));
  Rules rules = {delay_rule(milliseconds(10))};
  Outcome held = replay_all_ways(make, talk, rules);
  EXPECT_EQ(held.to_server, "");
  EXPECT_EQ(held.to_client, "s");
  EXPECT_EQ(replay_all_ways(make, talk.advance(milliseconds(1)).client("c"), rules).to_server,
            "abc");
}

/// Accepts one connection, reads a line, sends `reply` and closes.
std::thread serve_once(int listener, std::string reply) {
  return std::thread([listener, reply = std::move(reply)] {
    pollfd entry{listener, POLLIN, 0};
    poll(&entry, 1, 10'000);
    auto accepted = net::accept_next(listener);
    if (!accepted || !*accepted) return;
    entry = {(*accepted)->fd.get(), POLLIN, 0};
    poll(&entry, 1, 10'000);
    char buffer[256];
    ssize_t count = recv((*accepted)->fd.get(), buffer, sizeof buffer, 0);
    std::string text = std::string(buffer, size_t(std::max<ssize_t>(count, 0))) + reply;
    send((*accepted)->fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  });
}

TEST(TcpStep, SendsALineAndReturnsOne) {
  auto listener = net::listen_on(net::Address::loopback_v4(0));
  ASSERT_TRUE(listener);
  traffic::StepCall call;
  call.method = "send";
  call.arguments = {{"data", " PING 5 "}};
  call.endpoint = {"127.0.0.1", net::local_address(listener->get())->port()};
  call.deadline = net::Clock::now() + std::chrono::seconds(10);
  std::thread server = serve_once(listener->get(), "more\n");
  auto result = tcp_protocol().step(call);
  server.join();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->ok && result->plain_text) << result->error;
  EXPECT_EQ(result->body, "PING 5");

  listener->reset();
  result = tcp_protocol().step(call);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->ok);
  EXPECT_EQ(result->error.substr(0, 27), "tcp send failed: connect to");

  call.arguments = Json::object();
  EXPECT_EQ(tcp_protocol().step(call).error().message, "send(): data is required");
}

}  // namespace
}  // namespace mishap::protocols::tcp
