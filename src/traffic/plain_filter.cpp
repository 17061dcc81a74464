#include <utility>

#include "mishap/traffic/tls.h"

namespace mishap::traffic {
namespace {

/// A handshake record with a ClientHello (RFC 8446, 4.1.2 and 5.1). It is looked for in what comes
/// first and at once: bytes are not held to look for it, lest somebody wait for them.
bool is_client_hello(std::string_view bytes) {
  constexpr size_t kEnough = 6;
  return bytes.size() >= kEnough && bytes[0] == 0x16 && bytes[1] == 0x03 &&
         static_cast<unsigned char>(bytes[2]) <= 0x04 && bytes[5] == 0x01;
}

class PlainFilter final : public Filter {
 public:
  explicit PlainFilter(std::unique_ptr<Filter> inner) : inner_(std::move(inner)) {}

  void on_bytes(Direction direction, std::string_view bytes, Sink& sink) override {
    if (!client_began_ && direction == Direction::to_server) begin(bytes, sink);
    if (inner_) {
      inner_->on_bytes(direction, bytes, sink);
    } else {
      sink.send(direction, bytes);
    }
  }
  void on_eof(Direction direction, Sink& sink) override {
    if (inner_) {
      inner_->on_eof(direction, sink);
    } else {
      sink.send_eof(direction);
    }
  }
  void on_timer(uint64_t token, Sink& sink) override {
    if (inner_) inner_->on_timer(token, sink);
  }

 private:
  void begin(std::string_view bytes, Sink& sink) {
    client_began_ = true;
    if (!is_client_hello(bytes)) return;
    sink.report("tls_error",
                {{"side", "client"},
                 {"error",
                  "the client speaks TLS, so the bytes pass unread and no rule applies; declare "
                  "interface(…, tls=tls_cert())"}});
    inner_.reset();
  }

  std::unique_ptr<Filter> inner_;  ///< none: the bytes pass unread
  bool client_began_ = false;
};

}  // namespace

std::unique_ptr<Filter> make_plain_filter(std::unique_ptr<Filter> inner) {
  return std::make_unique<PlainFilter>(std::move(inner));
}

}  // namespace mishap::traffic
