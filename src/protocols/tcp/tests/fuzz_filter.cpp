#include "mishap/traffic/testing/fuzz.h"

#include "filter.h"

namespace mishap::testing {
namespace {

using namespace traffic::testing;
using fault::ProtocolAction;

FilterFuzz target() {
  fault::ProtocolRule respond = rule(ProtocolAction::respond, {{"method", "PING"}});
  respond.body = "no\n";
  return {.make = [] { return std::make_unique<protocols::tcp::TcpFilter>(); },
          .rules = {respond, rule(ProtocolAction::drop, {{"method", "PUT"}}),
                    delay_rule(std::chrono::seconds(1)),
                    delay_rule(std::chrono::seconds(2), {{"method", "P"}}),
                    rule(ProtocolAction::drop, {{"path", "x"}})},
          .cuts_matter = true};  // what the first bytes are, a filter without messages cannot know
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return fuzz_conversations({fuzz_client("PING a") + fuzz_server("b") + fuzz_client("c"),
                             fuzz_client("PU") + fuzz_second() + fuzz_client("T x") + fuzz_second(),
                             fuzz_server("220 hello\r\n") + fuzz_client("EHLO\r\n")},
                            target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
