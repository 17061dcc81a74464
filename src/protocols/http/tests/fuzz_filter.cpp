#include "mishap/traffic/testing/fuzz.h"

#include "filter.h"

namespace mishap::testing {
namespace {

using namespace traffic::testing;
using fault::ProtocolAction;

FilterFuzz target() {
  fault::ProtocolRule limited = rule(ProtocolAction::respond, {{"method", "PUT"}});
  limited.status = 429;
  limited.body = "slow down";
  limited.headers = {{"Retry-After", "1"}};
  return {.make = [] { return std::make_unique<protocols::http::HttpFilter>(); },
          .rules = {rule(ProtocolAction::error, {{"path", "/bad*"}}, "boom"), limited,
                    rule(ProtocolAction::drop, {{"path", "/gone"}}),
                    delay_rule(std::chrono::seconds(1), {{"path", "/slow*"}}),
                    delay_rule(std::chrono::seconds(2), {{"method", "POST"}}),
                    rule(ProtocolAction::error, {{"method", "CONNECT"}}, "no")}};
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  const std::string get = "GET /bad?x=2 HTTP/1.1\r\nHost: api\r\n\r\n";
  const std::string post = "POST /slow HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345";
  const std::string chunked =
      "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nTrailer: "
      "1\r\n\r\n";
  const std::string expecting =
      "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  const std::string upgrade =
      "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const std::string ok_chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  return fuzz_conversations(
      {fuzz_client(get) + fuzz_server(ok) + fuzz_client(post) + fuzz_second() + fuzz_server(ok),
       fuzz_client(get + chunked + get) + fuzz_server(ok_chunked + ok) + fuzz_server(ok),
       fuzz_client(expecting) + fuzz_server("HTTP/1.1 100 Continue\r\n\r\n") + fuzz_client("ab") +
           fuzz_server("HTTP/1.1 204 No Content\r\n\r\n"),
       fuzz_client(upgrade) + fuzz_client("raw") +
           fuzz_server("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x01x"),
       fuzz_client("CONNECT h:1 HTTP/1.1\r\n\r\n") +
           fuzz_server("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n") + fuzz_client(get),
       fuzz_client("HEAD /gone HTTP/1.0\r\n\r\n") +
           fuzz_server("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n"),
       fuzz_client("\x16\x03\x01 tls") + fuzz_server("HTTP/1.1 400 Bad Request\r\n\r\n")},
      target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
