#include "upgrade.h"

#include "codec.h"

namespace mishap::protocols::postgres {
namespace {

using traffic::Direction;
using traffic::Sink;

constexpr char kTlsHandshake = 0x16;  // RFC 8446, 5.1; a startup packet of that length is refused
constexpr size_t kRequestBytes = 8;

void report(const char* side, const char* error, Sink& sink) {
  sink.report("tls_error", {{"side", side}, {"error", error}});
}

}  // namespace

traffic::TlsUpgrade::Next PostgresUpgrade::on_bytes(Direction direction, std::string& waiting,
                                                    Sink& sink) {
  if (direction == Direction::to_server) return client_bytes(waiting, sink);
  return server_bytes(waiting, sink);
}

traffic::TlsUpgrade::Next PostgresUpgrade::client_bytes(std::string& waiting, Sink& sink) {
  while (!asked_ && !waiting.empty()) {
    if (waiting.front() == kTlsHandshake) return Next::tls;
    if (waiting.size() < kRequestBytes) return Next::more;
    const bool is_request = read_u32(waiting) == kRequestBytes;
    const uint32_t code = read_u32(std::string_view(waiting).substr(4));
    if (is_request && code == kGssEncRequest) {
      waiting.erase(0, kRequestBytes);
      sink.send(Direction::to_client, "N");
    } else if (is_request && code == kSslRequest) {
      sink.send(Direction::to_server, waiting.substr(0, kRequestBytes));
      waiting.erase(0, kRequestBytes);
      asked_ = true;
    } else {
      if (code != kCancelRequest && !refused_)
        report("client", "the client does not ask for TLS; the connection stays plain", sink);
      return Next::plain;
    }
  }
  return Next::more;
}

traffic::TlsUpgrade::Next PostgresUpgrade::server_bytes(std::string& waiting, Sink& sink) {
  // It speaks unasked, or gives an error message instead of an answer ('E', before 7.0 or when it
  // cannot serve anybody).
  if (!asked_ || (waiting.front() != 'S' && waiting.front() != 'N')) return Next::plain;
  const char answer = waiting.front();
  waiting.erase(0, 1);
  sink.send(Direction::to_client, {&answer, 1});
  asked_ = false;
  if (answer == 'S') return Next::tls;
  refused_ = true;
  report("server", "the server does not speak TLS", sink);
  return Next::more;
}

}  // namespace mishap::protocols::postgres
