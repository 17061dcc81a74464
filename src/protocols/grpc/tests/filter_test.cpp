#include "mishap/protocols/h2core/filter.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/protocols/grpc/grpc.h"
#include "mishap/protocols/h2core/messages.h"
#include "mishap/traffic/testing/transcript.h"

#include "../../h2core/tests/wire.h"
#include "dialect.h"
#include "status.h"

namespace mishap::protocols::grpc {
namespace {

using fault::ProtocolAction;
using fault::ProtocolRule;
using namespace h2core;
using namespace h2core::testing;
using namespace traffic::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using traffic::Ending;

std::unique_ptr<traffic::Filter> make() { return std::make_unique<H2Filter>(dialect()); }

const std::string kHello = std::string(kPreface) + settings();

ProtocolRule error_after(int messages, const char* method) {
  ProtocolRule out = rule(ProtocolAction::error, {{"method", method}}, "enough");
  out.status = 14;
  out.messages = messages;
  return out;
}

std::string texts(std::initializer_list<std::string_view> messages) {
  std::string out;
  for (std::string_view message : messages) out += encode_message(message);
  return out;
}

TEST(GrpcFilter, AnErrorIsTrailersOnly) {
  Speaker client;
  ProtocolRule failing = rule(ProtocolAction::error, {{"method", "/s/Bad"}}, "50% ü");
  failing.status_name = "UNAVAILABLE";
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .server(settings())
                          .client(kHello + client.request(1, "/s/Bad", false, "POST"))
                          .client(data(1, texts({"question"}), true)),
                      {failing});
  EXPECT_EQ(out.to_server, kHello);
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0",
                          "HEADERS 1 :status=200 content-type=application/grpc grpc-status=14 "
                          "grpc-message=50%25 %C3%BC END",
                          "WINDOW_UPDATE 0 13"));
  EXPECT_EQ(out.reports[0].text(), "error method=/s/Bad code=Unavailable error=50% ü");
}

TEST(GrpcFilter, AResponseIsMessagesOfTheMethod) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "shop.proto")
      << R"(syntax = "proto3"; package s; message Q {} message A { string text = 1; }
            service S { rpc One(Q) returns (A); rpc Many(Q) returns (stream A); })";
  auto answer = [&](const char* method, const char* body) {
    ProtocolRule made = rule(ProtocolAction::respond, {{"method", method}});
    made.body = body;
    made.headers = {{"X-Made", "up"}};
    made.contract = (directory.path() / "shop.proto").string();
    EXPECT_TRUE(grpc_protocol().check(made));
    Speaker client;
    return replay_all_ways(
        make,
        Transcript().server(settings()).client(kHello + client.request(1, method, true, "POST")),
        {made});
  };
  const std::string head = "HEADERS 1 :status=200 content-type=application/grpc x-made=up";
  const Outcome one = answer("/s.S/One", R"({"text": "hi"})");
  EXPECT_EQ(one.to_server, kHello);
  EXPECT_THAT(describe(one.to_client),
              ElementsAre("SETTINGS 0", head, "DATA 1 " + texts({"\n\2hi"}),
                          "HEADERS 1 grpc-status=0 END"));
  EXPECT_EQ(one.reports[0].text(), "respond method=/s.S/One code=OK");
  const Outcome many = answer("/s.S/Many", R"([{"text": "a"}, {}])");
  EXPECT_THAT(describe(many.to_client),
              ElementsAre("SETTINGS 0", head, "DATA 1 " + texts({"\n\1a", ""}),
                          "HEADERS 1 grpc-status=0 END"));
}

TEST(GrpcFilter, WithoutStatusAnErrorIsInternal) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make,
      Transcript().server(settings()).client(kHello + client.request(1, "/s/M", true, "POST")),
      {rule(ProtocolAction::error)});
  EXPECT_EQ(out.reports[0].text(), "error method=/s/M code=Internal error=injected fault");
}

TEST(GrpcFilter, AnErrorComesAfterSoManyMessages) {
  Speaker client, server;
  const std::string before = texts({"one", "two"});
  const Outcome out =
      replay_all_ways(make,
                      Transcript()
                          .client(kHello + client.request(1, "/s/List", true, "POST"))
                          .client(client.request(3, "/s/Other", true, "POST"))
                          .server(settings() + server.response(1))
                          .server(data(1, before + texts({"three"}).substr(0, 4)))
                          .server(data(1, texts({"three"}).substr(4)))
                          .server(server.headers(1, {{"grpc-status", "0"}}, true))
                          .server(server.response(3)),
                      {error_after(2, "/s/List"), error_after(9, "*")});
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "HEADERS 1 :status=200 server=real", "DATA 1 " + before,
                          "HEADERS 1 grpc-status=14 grpc-message=enough END",
                          "HEADERS 3 :status=200 server=real"))
      << "the server's table is no longer the client's";
  EXPECT_THAT(
      describe(out.to_server),
      ::testing::IsSupersetOf({"RST_STREAM 1 CANCEL", "WINDOW_UPDATE 0 4", "WINDOW_UPDATE 0 6"}));
  EXPECT_EQ(out.reports[0].text(), "error method=/s/List code=Unavailable error=enough messages=2");
}

TEST(GrpcFilter, AClientMayGiveUpWithinAFrameOfTheAnswer) {
  Speaker client, server;
  const std::string request = client.request(1, "/s/List", true, "POST");
  const std::string frame = data(1, texts({"one"}));
  const Outcome out = replay_all_ways(make,
                                      Transcript()
                                          .server(settings())
                                          .client(kHello + request)
                                          .server(server.response(1) + frame.substr(0, 12))
                                          .client(encode_rst_stream(1, kCancel))
                                          .server(frame.substr(12)),
                                      {error_after(2, "/s/List")});
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "HEADERS 1 :status=200 server=real"));
  // The server gets the room back that the client never knew to be taken.
  EXPECT_EQ(out.to_server,
            kHello + request + encode_rst_stream(1, kCancel) + encode_window_update(0, 8));
}

TEST(GrpcFilter, TooFewMessagesChangeNothing) {
  Speaker client, server;
  Transcript transcript;
  transcript.client(kHello + client.request(1, "/s/List", true, "POST"))
      .server(settings() + server.response(1))
      .server(data(1, texts({"one"})))
      .server(server.headers(1, {{"grpc-status", "0"}}, true));
  const Outcome out = replay_all_ways(make, transcript, {error_after(2, "/s/List")});
  EXPECT_THAT(describe(out.to_client),
              ElementsAre("SETTINGS 0", "HEADERS 1 :status=200 server=real",
                          "DATA 1 " + texts({"one"}), "HEADERS 1 grpc-status=0 END"));
  EXPECT_THAT(out.reports, IsEmpty());
}

TEST(GrpcFilter, DropEndsTheConnection) {
  Speaker client;
  const Outcome out = replay_all_ways(
      make,
      Transcript().server(settings()).client(kHello + client.request(1, "/s/M", true, "POST")),
      {rule(ProtocolAction::drop)});
  EXPECT_EQ(out.ended, Ending::finish);
  EXPECT_EQ(out.to_server, kHello);
  EXPECT_EQ(out.reports[0].text(), "drop method=/s/M code=CONNECTION");
}

TEST(GrpcStatus, Names) {
  EXPECT_EQ(code_name(1), "Canceled");
  EXPECT_EQ(code_name(14), "Unavailable");
  EXPECT_EQ(code_name(99), "99");
  EXPECT_EQ(*parse_code("UNAVAILABLE"), 14);
  EXPECT_EQ(*parse_code("ResourceExhausted"), 8);
  EXPECT_EQ(*parse_code("CANCELLED"), 1);
  EXPECT_EQ(*parse_code("7"), 7);
  EXPECT_EQ(parse_code("UNAVAILIBLE").error().message,
            "\"UNAVAILIBLE\" is no status of grpc; did you mean \"UNAVAILABLE\"?");
  EXPECT_EQ(parse_code("503").error().message,
            "503 is no status of grpc: they go from 1 to 16 (14 is UNAVAILABLE)");
}

TEST(GrpcStatus, MessagesAreEncodedForTheWire) {
  EXPECT_EQ(percent_encoded("a b\n%"), "a b%0A%25");
  EXPECT_EQ(percent_decoded("a b%0A%25%"), "a b\n%%");
  EXPECT_EQ(percent_decoded("%zz%4"), "%zz%4");
}

TEST(GrpcStatus, OfWhatIsNoAnswerOfGrpc) {
  EXPECT_EQ(code_of_reset(kRefusedStream), 14);
  EXPECT_EQ(code_of_reset(kCancel), 1);
  EXPECT_EQ(code_of_reset(0xb), 8);
  EXPECT_EQ(code_of_reset(2), 13);
  EXPECT_EQ(code_of_http_status(401), 16);
  EXPECT_EQ(code_of_http_status(404), 12);
  EXPECT_EQ(code_of_http_status(503), 14);
  EXPECT_EQ(code_of_http_status(500), 2);
}

}  // namespace
}  // namespace mishap::protocols::grpc
