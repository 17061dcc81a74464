#include "mishap/protocols/h2core/filter.h"
#include "mishap/traffic/testing/fuzz.h"

#include "../../h2core/tests/wire.h"
#include "dialect.h"

namespace mishap::testing {
namespace {

using namespace protocols::h2core;
using namespace protocols::h2core::testing;
using namespace traffic::testing;
using fault::ProtocolAction;

FilterFuzz target() {
  fault::ProtocolRule large = rule(ProtocolAction::respond, {{"path", "/large"}});
  large.body = std::string(70'000, 'x');
  fault::ProtocolRule away = rule(ProtocolAction::drop, {{"path", "/away"}});
  away.code = "GOAWAY";
  fault::ProtocolRule all = rule(ProtocolAction::drop, {{"path", "/gone"}});
  all.code = "CONNECTION";
  return {.make = [] { return std::make_unique<H2Filter>(protocols::http2::dialect()); },
          .rules = {rule(ProtocolAction::error, {{"path", "/bad*"}}, "no"), large,
                    rule(ProtocolAction::drop, {{"method", "DELETE"}}), away, all,
                    delay_rule(std::chrono::seconds(1), {{"path", "/slow*"}}),
                    delay_rule(std::chrono::seconds(2), {{"method", "POST"}})}};
}

/// Ids and numbers as programs choose them; everything follows the preface.
std::vector<std::string> conversations() {
  std::vector<std::string> all;
  const std::string hello = fuzz_client(std::string(kPreface) + settings());
  auto begin = [&](std::string_view server_settings = {}) {
    return hello + fuzz_server(settings(server_settings));
  };
  {
    Speaker client, server;
    std::string text = begin();
    uint32_t id = 1;
    for (const char* path : {"/a", "/bad", "/large", "/slow", "/b", "/away", "/c"}) {
      text += fuzz_client(client.request(id, path));
      id += 2;
    }
    all.push_back(text);
  }
  {
    Speaker client, server;
    std::string text = begin(setting(kSettingInitialWindow, 10));
    text += fuzz_client(client.request(1, "/slow", false, "POST"));
    text += fuzz_client(data(1, "0123456789"));
    text += fuzz_client(client.request(3, "/b", false, "POST"));
    text += fuzz_second() + fuzz_client(data(3, "abc", true));
    text += fuzz_second() + fuzz_server(encode_window_update(0, 5) + encode_window_update(5, 20));
    text += fuzz_client(data(1, "more", true)) + fuzz_server(server.response(5));
    text += fuzz_server(data(5, "answer", true)) + fuzz_server(encode_goaway(3, kNoError));
    all.push_back(text);
  }
  {
    Speaker client, server;
    std::string text = begin();
    text += fuzz_client(client.request(1, "/a", false)) + fuzz_server(server.response(1));
    text += fuzz_server(encode_push_promise(1, 2, server.block({{":path", "/p"}})));
    text += fuzz_server(server.response(2, true)) + fuzz_client(encode_rst_stream(1, kCancel));
    text += fuzz_client(client.request(3, "/bad", true, "DELETE"));
    text += fuzz_server(encode_frame(FrameType::ping, 0, 0, "12345678"));
    text += fuzz_client(encode_window_update(3, 100) + encode_window_update(0, 100));
    text += fuzz_client(encode_frame(FrameType::priority, 0, 3, std::string(5, '\1')));
    all.push_back(text);
  }
  return all;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return fuzz_conversations(conversations(), target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
