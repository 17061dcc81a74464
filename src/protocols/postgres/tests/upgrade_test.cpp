#include "upgrade.h"

#include <gmock/gmock.h>

#include "mishap/traffic/testing/transcript.h"

#include "codec.h"
#include "wire.h"

namespace mishap::protocols::postgres {
namespace {

using Next = traffic::TlsUpgrade::Next;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using traffic::Direction;
using traffic::testing::FakeSink;
using wire::cancel_request, wire::gss_request, wire::ssl_request, wire::startup;

struct Asked {
  Next next = Next::more;
  std::string to_server, to_client, left;
  std::vector<std::string> reports;
};

/// What comes of words that client and server say in turn, `piece` bytes at a time.
Asked ask(const std::vector<std::pair<Direction, std::string>>& said, size_t piece) {
  PostgresUpgrade upgrade;
  FakeSink sink;
  Asked out;
  std::string waiting[2];
  for (const auto& [direction, bytes] : said) {
    std::string& here = waiting[direction == Direction::to_client];
    for (size_t at = 0; at < bytes.size(); at += piece) {
      here += bytes.substr(at, piece);
      if (out.next == Next::more) out.next = upgrade.on_bytes(direction, here, sink);
    }
  }
  out.to_server = sink.outcome.to_server;
  out.to_client = sink.outcome.to_client;
  out.left = waiting[0] + waiting[1];
  for (const auto& report : sink.outcome.reports) out.reports.push_back(report.text());
  return out;
}

constexpr Direction kClient = Direction::to_server;
constexpr Direction kServer = Direction::to_client;

class Cuts : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Pieces, Cuts, ::testing::Values(1, 3, 1000));

TEST_P(Cuts, TlsBeginsWhenTheServerAgrees) {
  Asked asked = ask({{kClient, ssl_request()}, {kServer, "S"}, {kClient, "\x16..."}}, GetParam());
  EXPECT_EQ(asked.next, Next::tls);
  EXPECT_EQ(asked.to_server, ssl_request());
  EXPECT_EQ(asked.to_client, "S");
  EXPECT_EQ(asked.left, "\x16...");
  EXPECT_THAT(asked.reports, IsEmpty());
}

TEST_P(Cuts, AServersRefusalIsPassedOnAndReported) {
  Asked asked = ask({{kClient, ssl_request()}, {kServer, "N"}, {kClient, startup()}}, GetParam());
  EXPECT_EQ(asked.next, Next::plain);
  EXPECT_EQ(asked.to_server, ssl_request());
  EXPECT_EQ(asked.to_client, "N");
  EXPECT_EQ(asked.left, startup());
  EXPECT_THAT(asked.reports, ElementsAre("tls_error side=server error=the server does not speak "
                                         "TLS"));
}

TEST_P(Cuts, GssapiIsRefusedAndTlsAskedForThen) {
  Asked asked =
      ask({{kClient, gss_request()}, {kClient, ssl_request()}, {kServer, "S"}}, GetParam());
  EXPECT_EQ(asked.next, Next::tls);
  EXPECT_EQ(asked.to_server, ssl_request());
  EXPECT_EQ(asked.to_client, "NS");
}

TEST_P(Cuts, AClientThatDoesNotAskStaysPlainAndIsReported) {
  Asked asked = ask({{kClient, startup()}}, GetParam());
  EXPECT_EQ(asked.next, Next::plain);
  EXPECT_EQ(asked.left, startup());
  EXPECT_THAT(asked.reports, ElementsAre("tls_error side=client error=the client does not ask for "
                                         "TLS; the connection stays plain"));
}

TEST_P(Cuts, ACancelRequestIsPlainByRight) {
  Asked asked = ask({{kClient, cancel_request()}}, GetParam());
  EXPECT_EQ(asked.next, Next::plain);
  EXPECT_EQ(asked.left, cancel_request());
  EXPECT_THAT(asked.reports, IsEmpty());
}

TEST_P(Cuts, TlsMayBeginAtOnce) {
  Asked asked = ask({{kClient, "\x16\x03\x01 and so on"}}, GetParam());
  EXPECT_EQ(asked.next, Next::tls);
  EXPECT_EQ(asked.to_server, "");
  EXPECT_EQ(asked.left, "\x16\x03\x01 and so on");
}

TEST_P(Cuts, AnErrorInsteadOfAnAnswerIsThePlainFilters) {
  std::string error = make_error("FATAL", "53300", "too many clients");
  Asked asked = ask({{kClient, ssl_request()}, {kServer, error}}, GetParam());
  EXPECT_EQ(asked.next, Next::plain);
  EXPECT_EQ(asked.to_client, "");
  EXPECT_EQ(asked.left, error);
}

}  // namespace
}  // namespace mishap::protocols::postgres
