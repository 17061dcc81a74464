#include "mishap/protocols/h2core/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/traffic/testing/transcript.h"

#include "../../h2core/tests/wire.h"
#include "dialect.h"

namespace mishap::protocols::http2 {
namespace {

using fault::ProtocolAction;
using namespace h2core;
using namespace h2core::testing;
using namespace traffic::testing;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() { return std::make_unique<H2Filter>(dialect()); }

const std::string kHello = std::string(kPreface) + settings();

std::string request_text(uint32_t stream, std::string_view path, std::string_view end = " END") {
  return fmt::format(
      "HEADERS {} :method=GET :scheme=http :authority=server :path={} user-agent=test{}", stream,
      path, end);
}
std::string response_text(uint32_t stream, std::string_view end = "") {
  return fmt::format("HEADERS {} :status=200 server=real{}", stream, end);
}

std::string padded(FrameType type, uint8_t flags, uint32_t stream, std::string_view content) {
  return encode_frame(type, flags | flags::kPadded, stream,
                      std::string(1, '\3') + std::string(content) + std::string(3, '\0'));
}

/// All that HTTP/2 has.
Transcript everything() {
  Speaker client, server;
  Transcript all;
  all.client(kHello + encode_frame(FrameType::priority, 0, 9, std::string(5, '\1')))
      .server(settings(setting(kSettingInitialWindow, 1000)) + settings_ack())
      .client(settings_ack() + client.request(1, "/a", false))
      .client(padded(FrameType::data, 0, 1, "abc"));
  const std::string block =
      client.block({{":method", "POST"}, {":path", "/long"}, {"x", std::string(300, 'x')}});
  all.client(encode_frame(FrameType::headers, flags::kPriority | flags::kPadded, 3,
                          std::string(1, '\2') + std::string(5, '\0') + block.substr(0, 10) +
                              std::string(2, '\0')))
      .server(encode_window_update(0, 3) + encode_frame(FrameType::ping, 0, 0, "12345678"))
      .client(encode_frame(FrameType::continuation, 0, 3, block.substr(10, 100)))
      .client(encode_frame(FrameType::continuation, flags::kEndHeaders, 3, block.substr(110)))
      .client(data(1, std::string(400, 'd')))
      .client(encode_frame(static_cast<FrameType>(0xbe), 7, 1, "?"))
      .server(server.response(1))
      .server(encode_push_promise(1, 2, server.block({{":path", "/pushed"}})))
      .server(server.response(2, true) + data(1, "hello") + data(1, ""))
      .server(server.headers(1, {{"t", "1"}}, true))
      .client(client.headers(1, {{"trailer", "x"}}, true) + encode_rst_stream(3, kCancel))
      .server(encode_rst_stream(3, kNoError) + encode_goaway(3, kNoError))
      .client_eof()
      .server_eof();
  return all;
}

TEST(Http2Filter, PassesEverythingUnchanged) {
  const Transcript transcript = everything();
  const Outcome unread = replay_all_ways(make, transcript);
  const Outcome read =
      replay_all_ways(make, transcript, {rule(ProtocolAction::error, {{"path", "/other"}}, "no")});
  EXPECT_EQ(unread, read);
  EXPECT_THAT(unread.reports, IsEmpty());
  EXPECT_TRUE(unread.eof_to_client && unread.eof_to_server);
  EXPECT_THAT(describe(unread.to_server), ::testing::Contains("TYPE_190 1"));
  std::string came[2];
  for (const auto& [direction, bytes] : transcript.bytes())
    came[direction == traffic::Direction::to_client] += bytes;
  EXPECT_EQ(unread.to_server, came[0]);
  EXPECT_EQ(unread.to_client, came[1]);
}

TEST(Http2Filter, AnErrorIsAnsweredAndTheOthersGoOn) {
  Speaker client, server;
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .client(kHello)
                                          .client(client.request(1, "/a"))
                                          .client(client.request(3, "/bad"))
                                          .client(client.request(5, "/b"))
                                          .server(settings())
                                          .server(server.response(1, true))
                                          .server(server.response(5) + data(5, "b", true)),
                                      {rule(ProtocolAction::error, {{"path", "/bad"}}, "boom")});
  EXPECT_THAT(describe(out.to_server),
              ElementsAre("PREFACE", "SETTINGS 0", request_text(1, "/a"), request_text(5, "/b")));
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0",
                          "HEADERS 3 :status=500 content-type=application/json content-length=16",
                          "DATA 3 {\"error\":\"boom\"} END", response_text(1, " END"),
                          response_text(5), "DATA 5 b END"));
  EXPECT_THAT(out.reports, ElementsAre(Report{
                               "error", {{"method", "GET"}, {"path", "/bad"}, {"status", "500"}}}));
}

TEST(Http2Filter, ADelayHoldsItsStreamAlone) {
  Speaker client, server;
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(kHello)
                          .client(client.request(1, "/slow", false) + data(1, "one"))
                          .client(client.request(3, "/b") + data(1, "two", true))
                          .server(settings())
                          .server(server.response(3, true))
                          .advance(milliseconds(100))
                          .client(client.request(5, "/c"))
                          .server(server.response(5) + data(5, "1", true))
                          .server(server.response(7) + data(7, "5", true)),
                      {delay_rule(milliseconds(100), {{"path", "/slow"}})});
  EXPECT_THAT(describe(out.to_server), ElementsAre("PREFACE", "SETTINGS 0", request_text(3, "/b"),
                                                   request_text(5, "/slow", ""), "DATA 5 one",
                                                   "DATA 5 two END", request_text(7, "/c")));
  EXPECT_THAT(
      describe(out.to_client),
      ElementsAre("SETTINGS 0", "WINDOW_UPDATE 0 3", "WINDOW_UPDATE 0 3", response_text(3, " END"),
                  response_text(1), "DATA 1 1 END", response_text(5), "DATA 5 5 END"));
}

TEST(Http2Filter, RoomThatWasGivenEarlyIsNotGivenTwice) {
  Speaker client;
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(kHello)
                          .client(client.request(1, "/slow", false) + data(1, "held"))
                          .server(settings())
                          .advance(milliseconds(100))
                          .server(encode_window_update(0, 3) + encode_window_update(1, 4) +
                                  encode_window_update(0, 10)),
                      {delay_rule(milliseconds(100))});
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", "WINDOW_UPDATE 0 4",
                                                   "WINDOW_UPDATE 1 4", "WINDOW_UPDATE 0 9"));
}

TEST(Http2Filter, WhatTheServerHasNoRoomForWaits) {
  Speaker client;
  Transcript transcript;
  transcript.server(settings()).client(kHello).client(client.request(1, "/slow", false));
  std::string piece(16000, 'x');
  for (int i = 0; i < 4; ++i) transcript.client(data(1, piece));
  transcript.client(client.request(3, "/b", false)).client(data(3, piece) + data(3, piece, true));
  transcript.advance(milliseconds(100));
  const Outcome out =
      replay_all_ways(make, transcript, {delay_rule(milliseconds(100), {{"path", "/slow"}})});
  const std::vector<std::string> got = describe(out.to_server);
  const std::string whole = "DATA 3 " + piece;
  EXPECT_THAT(got, ElementsAre("PREFACE", "SETTINGS 0", request_text(3, "/b", ""), whole,
                               whole + " END", request_text(5, "/slow", ""), "DATA 5 " + piece,
                               "DATA 5 " + piece, "DATA 5 " + piece.substr(0, 65535 - 4 * 16000)))
      << "the server has room for 65,535 bytes";
}

TEST(Http2Filter, AnAnswerLargerThanTheClientsRoomWaits) {
  Speaker client, server;
  fault::ProtocolRule large = rule(ProtocolAction::respond, {{"path", "/large"}});
  large.body = std::string(40, 'x');
  const Outcome out = replay_all_ways(
      make,
      Transcript()
          .client(std::string(kPreface) + settings(setting(kSettingInitialWindow, 25)))
          .client(client.request(1, "/large"))
          .server(settings())
          .client(encode_window_update(1, 10) + encode_window_update(0, 30))
          .client(encode_window_update(1, 100) + encode_window_update(0, 10)),
      {large});
  const std::string x(25, 'x');
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0",
                          "HEADERS 1 :status=500 content-type=application/json content-length=40",
                          "DATA 1 " + x, "DATA 1 xxxxxxxxxx", "DATA 1 xxxxx END"));
  EXPECT_THAT(describe(out.to_server), ElementsAre("PREFACE", "SETTINGS 0"))
      << "the server never knew of the forty bytes";
}

TEST(Http2Filter, DropResetsTheStream) {
  Speaker client;
  fault::ProtocolRule refused = rule(ProtocolAction::drop, {{"path", "/refused"}});
  refused.code = "refused_stream";
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .server(settings())
                          .client(kHello)
                          .client(client.request(1, "/refused", false))
                          .client(client.request(3, "/cancelled"))
                          .client(data(1, "late", true))
                          .client(client.request(5, "/b")),
                      {refused, rule(ProtocolAction::drop, {{"path", "/cancelled"}})});
  EXPECT_THAT(describe(out.to_server), ElementsAre("PREFACE", "SETTINGS 0", request_text(5, "/b")));
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", "RST_STREAM 1 REFUSED_STREAM",
                                                   "RST_STREAM 3 CANCEL", "WINDOW_UPDATE 0 4"));
  EXPECT_EQ(out.reports[0].text(), "drop method=GET path=/refused code=REFUSED_STREAM");
  EXPECT_EQ(out.reports[1].text(), "drop method=GET path=/cancelled code=CANCEL");
}

TEST(Http2Filter, DropOfTheConnection) {
  Speaker client;
  fault::ProtocolRule all = rule(ProtocolAction::drop);
  all.code = "CONNECTION";
  const Outcome out = replay_all_ways(
      make, Transcript().server(settings()).client(kHello).client(client.request(1, "/a")), {all});
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.to_server, kHello);
}

TEST(Http2Filter, GoawayLetsOlderStreamsEnd) {
  Speaker client, server;
  fault::ProtocolRule away = rule(ProtocolAction::drop, {{"path", "/away"}});
  away.code = "GOAWAY";
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .server(settings())
                                          .client(kHello)
                                          .client(client.request(1, "/a"))
                                          .client(client.request(3, "/away"))
                                          .client(client.request(5, "/b"))
                                          .server(server.response(1) + data(1, "a", true)),
                                      {away});
  EXPECT_THAT(describe(out.to_server), ElementsAre("PREFACE", "SETTINGS 0", request_text(1, "/a")));
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "GOAWAY 0 1 NO_ERROR", response_text(1), "DATA 1 a END"));
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(Http2Filter, GoawayWaitsForTheServersHello) {
  fault::ProtocolRule away = rule(ProtocolAction::drop);
  away.code = "GOAWAY";
  const std::string early = kHello + Speaker().request(1, "/a");
  const Outcome late = replay_all_ways(make, Transcript().client(early).server(settings()), {away});
  EXPECT_THAT(describe(late.to_client), ElementsAre("SETTINGS 0", "GOAWAY 0 0 NO_ERROR"));
  EXPECT_EQ(late.ended, Ending::finish);
  // But not for ever.
  const Outcome never = replay_all_ways(make, Transcript().client(early).server_eof(), {away});
  EXPECT_EQ(never.to_client, "");
  EXPECT_EQ(never.ended, Ending::finish);
}

TEST(Http2Filter, AStreamMayBeAnsweredWithinAFrameOfItsBody) {
  Speaker client;
  const std::string frame = data(1, "0123456789", true);
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .server(settings())
                          .client(kHello + client.request(1, "/slow", false) + frame.substr(0, 12))
                          .advance(milliseconds(100))
                          .client(frame.substr(12)),
                      {delay_rule(milliseconds(100)), rule(ProtocolAction::error, {}, "no")});
  EXPECT_EQ(out.to_server, kHello);
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0",
                          "HEADERS 1 :status=500 content-type=application/json content-length=14",
                          "DATA 1 {\"error\":\"no\"} END", "WINDOW_UPDATE 0 10"));
}

TEST(Http2Filter, AClientMayGiveUpAHeldStream) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make,
      Transcript()
          .server(settings())
          .client(kHello)
          .client(client.request(1, "/slow", false) + data(1, "x") + encode_rst_stream(1, kCancel))
          .advance(milliseconds(100)),
      {delay_rule(milliseconds(100))});
  EXPECT_EQ(out.to_server, kHello);
}

TEST(Http2Filter, AServerThatGoesAwayRefusesWhatWasHeld) {
  Speaker client, server;
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .client(kHello)
                                          .client(client.request(1, "/slow"))
                                          .client(client.request(3, "/b"))
                                          .server(settings() + encode_goaway(3, kNoError))
                                          .server(server.response(3, true))
                                          .advance(milliseconds(100)),
                                      {delay_rule(milliseconds(100), {{"path", "/slow"}})});
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "GOAWAY 0 3 NO_ERROR", response_text(3, " END"),
                          "RST_STREAM 1 REFUSED_STREAM"));
}

TEST(Http2Filter, GoawayIsToldInTheClientsNumbers) {
  Speaker client;
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .server(settings())
                                          .client(kHello)
                                          .client(client.request(1, "/slow"))
                                          .client(client.request(3, "/b"))
                                          .advance(milliseconds(100))
                                          .client(client.request(5, "/c"))
                                          .server(encode_goaway(3, kNoError)),
                                      {delay_rule(milliseconds(100), {{"path", "/slow"}})});
  // The server has 3 as 3, 1 as 5, and 5 as 7.
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "RST_STREAM 1 REFUSED_STREAM", "GOAWAY 0 3 NO_ERROR"));
}

TEST(Http2Filter, FramesOfOursDoNotCutThoseOfTheServer) {
  Speaker client, server;
  const std::string frame = data(1, "0123456789", true);
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .client(kHello)
                                          .client(client.request(1, "/a"))
                                          .server(settings())
                                          .server(server.response(1) + frame.substr(0, 13))
                                          .client(client.request(3, "/bad"))
                                          .server(frame.substr(13)),
                                      {rule(ProtocolAction::drop, {{"path", "/bad"}})});
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", response_text(1),
                                                   "DATA 1 0123456789 END", "RST_STREAM 3 CANCEL"));
}

TEST(Http2Filter, AnAnswerWaitsForTheServersSettings) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make, Transcript().client(kHello).client(client.request(1, "/bad")).server(settings()),
      {rule(ProtocolAction::drop)});
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", "RST_STREAM 1 CANCEL"));
}

TEST(Http2Filter, MetadataAndMethodAreMatched) {
  Speaker client;
  fault::ProtocolRule tenant = rule(ProtocolAction::drop, {{"method", "get"}});
  tenant.metadata["x-tenant"] = "acme*";
  auto request = [&](uint32_t stream, const char* value) {
    return client.headers(stream, {{":method", "GET"}, {":path", "/"}, {"x-tenant", value}}, true);
  };
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .server(settings())
                                          .client(kHello + request(1, "acme-1"))
                                          .client(request(3, "other")),
                                      {tenant});
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", "RST_STREAM 1 CANCEL"));
}

TEST(Http2Filter, ABodyOfAnAnsweredRequestIsDiscarded) {
  Speaker client;
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .server(settings())
                          .client(kHello)
                          .client(client.request(1, "/bad", false, "POST") + data(1, "abc"))
                          .client(client.headers(1, {{"t", "1"}}, true))
                          .client(client.request(3, "/b")),
                      {rule(ProtocolAction::error, {{"path", "/bad"}}, "x")});
  EXPECT_THAT(describe(out.to_server), ElementsAre("PREFACE", "SETTINGS 0", request_text(3, "/b")));
  EXPECT_THAT(
      describe(out.to_client),
      ElementsAre("SETTINGS 0",
                  "HEADERS 1 :status=500 content-type=application/json content-length=13",
                  "DATA 1 {\"error\":\"x\"} END", "WINDOW_UPDATE 0 3", "WINDOW_UPDATE 1 3"));
}

TEST(Http2Filter, WhatIsNotHttp2PassesUnread) {
  const std::string old = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const Outcome out = replay_all_ways(
      make, Transcript().client(old).server("HTTP/1.1 200 OK\r\n\r\n").client_eof().server_eof(),
      {rule(ProtocolAction::drop)});
  EXPECT_EQ(out.to_server, old);
  EXPECT_EQ(out.to_client, "HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_THAT(out.reports,
              ElementsAre(Report{"unparsed",
                                 {{"reason", "the client does not begin with HTTP/2's preface"}}}));
}

TEST(Http2Filter, FramesThatMakeNoSensePassUnread) {
  for (const std::string& frame : {encode_frame(FrameType::window_update, 0, 0, "abc"),
                                   encode_frame(FrameType::headers, flags::kEndHeaders, 1, "\x80"),
                                   encode_frame(FrameType::settings, 0, 0, "abc"),
                                   encode_frame(FrameType::rst_stream, 0, 1, "")}) {
    const Outcome out = replay_all_ways(make, Transcript().client(kHello + frame + "rest"), {});
    EXPECT_EQ(out.to_server, kHello + frame + "rest");
    EXPECT_THAT(out.reports,
                ElementsAre(Report{"unparsed", {{"reason", "a frame that makes no sense"}}}));
  }
  for (const std::string& frame : {encode_frame(FrameType::continuation, 0, 1, "abc"),
                                   encode_frame(FrameType::data, 0, 0, "abc")}) {
    const Outcome out = replay_all_ways(make, Transcript().client(kHello + frame + "rest"), {});
    EXPECT_EQ(out.to_server, kHello + frame + "rest");
    EXPECT_THAT(
        out.reports,
        ElementsAre(Report{"unparsed", {{"reason", "a frame that may not stand where it does"}}}));
  }
}

TEST(Http2Filter, NonsenseAfterAFaultEndsTheConnection) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make,
      Transcript()
          .server(settings())
          .client(kHello)
          .client(client.request(1, "/bad") + encode_frame(FrameType::data, 0, 0, "")),
      {rule(ProtocolAction::drop)});
  EXPECT_EQ(out.ended, Ending::finish);
}

TEST(Http2Filter, AHalfClosedClientGetsItsHeldAnswers) {
  Speaker client, server;
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .client(kHello)
                                          .client(client.request(1, "/slow"))
                                          .client_eof()
                                          .server(settings())
                                          .advance(milliseconds(100))
                                          .server(server.response(1, true))
                                          .server_eof(),
                                      {delay_rule(milliseconds(100))});
  EXPECT_THAT(describe(out.to_server),
              ElementsAre("PREFACE", "SETTINGS 0", request_text(1, "/slow")));
  EXPECT_THAT(describe(out.to_client), ElementsAre("SETTINGS 0", response_text(1, " END")));
  EXPECT_TRUE(out.eof_to_server && out.eof_to_client);
}

TEST(Http2Filter, TheAnswerOfAHeadRequestHasNoBody) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make,
      Transcript().server(settings()).client(kHello).client(client.request(1, "/a", true, "HEAD")),
      {rule(ProtocolAction::error, {}, "boom")});
  EXPECT_THAT(
      describe(out.to_client),
      ElementsAre("SETTINGS 0",
                  "HEADERS 1 :status=500 content-type=application/json content-length=16 END"));
}

}  // namespace
}  // namespace mishap::protocols::http2
