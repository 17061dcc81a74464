#include "mishap/traffic/testing/fuzz.h"

#include "codec.h"
#include "filter.h"

namespace mishap::testing {
namespace {

using namespace traffic::testing;
using fault::ProtocolAction;

FilterFuzz target() {
  fault::ProtocolRule text = rule(ProtocolAction::respond, {{"key", "t*"}});
  text.body = "made up";
  return {.make = [] { return std::make_unique<protocols::redis::RedisFilter>(); },
          .rules = {rule(ProtocolAction::error, {{"key", "bad*"}}, "OOM too much"), text,
                    rule(ProtocolAction::respond, {{"command", "GET"}}),
                    rule(ProtocolAction::drop, {{"command", "DEL"}}),
                    delay_rule(std::chrono::seconds(1), {{"command", "SET"}}),
                    rule(ProtocolAction::error, {{"command", "EXEC"}}, "no"),
                    delay_rule(std::chrono::seconds(2), {{"key", "slow"}})}};
}

template <class... Words>
std::string command(const Words&... words) {
  return protocols::redis::encode_command({words...});
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return fuzz_conversations(
      {fuzz_client(command("GET", "a") + command("GET", "bad") + command("SET", "t", "1")) +
           fuzz_second() + fuzz_server("+a\r\n$3\r\nabc\r\n+OK\r\n"),
       fuzz_client(command("MULTI") + command("SET", "bad", "1") + command("EXEC")) +
           fuzz_server("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n"),
       fuzz_client(command("SUBSCRIBE", "a", "b") + command("UNSUBSCRIBE")) +
           fuzz_server("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb"
                       "\r\n:2\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"),
       fuzz_client(command("HELLO", "3") + command("GET", "t")) +
           fuzz_server("%1\r\n$5\r\nproto\r\n:3\r\n>2\r\n+invalidate\r\n*1\r\n$1\r\nt\r\n_\r\n"),
       fuzz_client(command("CLIENT", "REPLY", "SKIP") + command("SET", "a", "b")) +
           fuzz_client(command("CLIENT", "REPLY", "ON")) + fuzz_server("+OK\r\n"),
       fuzz_client("PING\r\nset \"a b\" 'c'\r\n") + fuzz_server("+PONG\r\n-ERR x\r\n"),
       fuzz_client(command("MONITOR")) + fuzz_server("+OK\r\n+1 \"GET\"\r\n") + fuzz_client("x"),
       fuzz_client(command("DEL", "x", "bad")) + fuzz_server(":1\r\n")},
      target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
