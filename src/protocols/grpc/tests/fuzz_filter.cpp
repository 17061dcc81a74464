#include "mishap/protocols/h2core/filter.h"
#include "mishap/protocols/h2core/messages.h"
#include "mishap/traffic/testing/fuzz.h"

#include "../../h2core/tests/wire.h"
#include "dialect.h"

namespace mishap::testing {
namespace {

using namespace protocols::h2core;
using namespace protocols::h2core::testing;
using namespace traffic::testing;
using fault::ProtocolAction;

fault::ProtocolRule after(ProtocolAction action, int messages, const char* method) {
  fault::ProtocolRule out = rule(action, {{"method", method}}, "later");
  out.messages = messages;
  return out;
}

FilterFuzz target() {
  fault::ProtocolRule reset = after(ProtocolAction::drop, 2, "*/Watch");
  reset.code = "INTERNAL_ERROR";
  return {.make = [] { return std::make_unique<H2Filter>(protocols::grpc::dialect()); },
          .rules = {after(ProtocolAction::error, 1, "/s/*"), reset,
                    after(ProtocolAction::drop, 3, "/s/List"),
                    rule(ProtocolAction::error, {{"method", "/s/Bad"}}, "no"),
                    delay_rule(std::chrono::seconds(1), {{"method", "/s/Slow"}})}};
}

std::string conversation(bool padded) {
  Speaker client, server;
  std::string text = fuzz_client(std::string(kPreface) + settings()) + fuzz_server(settings());
  const std::string message = encode_message("hello");
  uint32_t id = 1;
  for (const char* method : {"/s/List", "/s/Watch", "/s/Bad", "/s/Slow"}) {
    text += fuzz_client(client.request(id, method, false, "POST")) +
            fuzz_client(data(id, message, true));
    id += 2;
  }
  for (uint32_t stream : {1, 3}) {
    text += fuzz_server(server.response(stream));
    std::string three = message + message + message.substr(0, 7);
    if (padded) {
      text +=
          fuzz_server(encode_frame(FrameType::data, flags::kPadded, stream, "\4" + three + "pads"));
    } else {
      text += fuzz_server(data(stream, three));
    }
    text += fuzz_server(data(stream, message.substr(7)));
    text += fuzz_server(server.headers(stream, {{"grpc-status", "0"}}, true));
  }
  return text + fuzz_second() + fuzz_client(encode_window_update(0, 10));
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return fuzz_conversations({conversation(false), conversation(true)}, target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
