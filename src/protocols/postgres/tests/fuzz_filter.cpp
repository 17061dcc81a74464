#include "mishap/traffic/testing/fuzz.h"

#include "filter.h"
#include "wire.h"

namespace mishap::testing {
namespace {

using namespace traffic::testing;
using namespace protocols::postgres;
using fault::ProtocolAction;

/// Requests for encryption, whose answer is no.
size_t encryption_requests(std::string_view bytes) {
  size_t end = 0;
  while (bytes.size() >= end + 8) {
    const size_t length = read_u32(bytes.substr(end));
    const uint32_t code = read_u32(bytes.substr(end + 4));
    if (code != kSslRequest && code != kGssEncRequest) break;
    if (length < 8 || length > kMaxStartupLength || bytes.size() < end + length) break;
    end += length;
  }
  return end;
}

FilterFuzz target() {
  return {.make = [] { return std::make_unique<PostgresFilter>(); },
          .rules = {rule(ProtocolAction::error, {{"query", "*i*"}}, "disk full"),
                    delay_rule(std::chrono::seconds(1), {{"query", "s*"}}),
                    rule(ProtocolAction::drop, {{"query", "COPY*"}}),
                    rule(ProtocolAction::error, {{"query", "COMMIT"}}, "FATAL: going down"),
                    delay_rule(std::chrono::seconds(2), {{"query", "*"}})},
          .answered = encryption_requests};
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  using namespace wire;
  const std::string hello = fuzz_client(startup()) + fuzz_server(auth_ok() + ready());
  return fuzz_conversations(
      {hello + fuzz_client(query("SELECT 1; INSERT x") + query("i")) + fuzz_second() +
           fuzz_server(row_description() + data_row("1") + complete("SELECT 1") +
                       error("26000", "x") + ready()),
       hello +
           fuzz_client(parse("s", "INSERT $1") + bind("p", "s") + describe("Pp") + execute("p") +
                       close("Ps") + sync()) +
           fuzz_server(parse_complete() + bind_complete() + no_data() + error("34000", "x") +
                       ready('E')) +
           fuzz_client(query("ROLLBACK")) + fuzz_server(complete("ROLLBACK") + ready()),
       hello + fuzz_client(query("COPY t FROM STDIN")) + fuzz_server(copy_in()) +
           fuzz_client(copy_data("1") + sync() + copy_done()) +
           fuzz_server(complete("COPY 1") + ready()),
       fuzz_client(ssl_request()) + fuzz_server("N") + hello + fuzz_client(terminate()),
       fuzz_client(ssl_request()) + fuzz_server("S") + fuzz_client("\x16\x03\x01"),
       fuzz_client(gss_request()) + fuzz_server("N") + fuzz_client(cancel_request()),
       hello + fuzz_client(query("BEGIN") + query("COMMIT")) +
           fuzz_server(complete("BEGIN") + ready('T') + notice()) + fuzz_second() +
           fuzz_server(complete("COMMIT") + ready() + notification()),
       hello + fuzz_client(parse("", "SELECT 1") + bind("", "") + execute() + execute() + sync()) +
           fuzz_server(parse_complete() + bind_complete() + suspended() + complete("SELECT 1") +
                       ready())},
      target().rules.size());
}

void fuzz_one(std::string_view input) { fuzz_filter(target(), input); }

}  // namespace mishap::testing
