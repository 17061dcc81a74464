// Any bytes as heads and bodies: the cuts do not matter, what is made up can be read back, and a
// body that was framed by hand gives its content.
#include "mishap/base/testing/fuzz.h"
#include "mishap/traffic/testing/fake_sink.h"

#include "codec.h"
#include "filter.h"

namespace mishap::testing {
namespace {

using namespace protocols::http;

struct Collected {
  size_t taken = 0;
  HeadCollector::State state;
  std::string text;
  bool operator==(const Collected&) const = default;
};

Collected collect(std::string_view bytes, bool is_request, size_t cut) {
  HeadCollector collector;
  Collected out;
  while (out.taken < bytes.size() && collector.state() == HeadCollector::State::collecting)
    out.taken += collector.consume(bytes.substr(out.taken, cut), is_request);
  out.state = collector.state();
  out.text = collector.text();
  return out;
}

struct Body {
  size_t taken = 0;
  bool done = false;
  bool malformed = false;
  std::string content;
  bool operator==(const Body&) const = default;
};

Body read_body(Framing framing, std::string_view bytes, size_t cut) {
  BodyReader reader(framing);
  Body out;
  while (out.taken < bytes.size() && !reader.done() && !reader.malformed())
    out.taken += reader.consume(bytes.substr(out.taken, cut), &out.content);
  out.done = reader.done();
  out.malformed = reader.malformed();
  return out;
}

void heads(std::string_view bytes) {
  for (const bool is_request : {true, false}) {
    const Collected whole = collect(bytes, is_request, bytes.size() + 1);
    const Collected single = collect(bytes, is_request, 1);
    MISHAP_CHECK(whole.state == single.state);
    if (whole.state != HeadCollector::State::complete) continue;
    MISHAP_CHECK(whole == single && whole.text == bytes.substr(0, whole.taken));
    auto request = parse_request_head(whole.text);
    auto response = parse_response_head(whole.text);
    const Framing framing = is_request && request ? request->body
                            : response            ? response->body
                                                  : Framing{};
    const std::string_view rest = bytes.substr(whole.taken);
    MISHAP_CHECK(read_body(framing, rest, rest.size() + 1) == read_body(framing, rest, 1));
    if (request) path_of_target(request->target);
    if (response) MISHAP_CHECK(response->status >= 100 && response->status <= 999);
  }
}

void chunks(std::string_view content, size_t size) {
  std::string framed;
  for (std::string_view rest = content; !rest.empty();
       rest.remove_prefix(std::min(size, rest.size())))
    framed += fmt::format("{:x}\r\n{}\r\n", std::min(size, rest.size()), rest.substr(0, size));
  framed += "0\r\n\r\n";
  const Body body = read_body({BodyKind::chunked, 0}, framed, size);
  MISHAP_CHECK(body.done && body.content == content && body.taken == framed.size());
}

void made_up(std::string_view text, uint8_t choice) {
  fault::ProtocolRule rule = traffic::testing::rule(
      choice & 1 ? fault::ProtocolAction::error : fault::ProtocolAction::respond, {},
      std::string(text));
  if (choice & 2) rule.body = std::string(text);
  const std::string_view name = text.substr(0, text.find('\n'));
  if (choice & 4 && is_token(name)) rule.headers = {{std::string(name), std::string(text)}};
  rule.status = 200 + choice;
  const std::string bytes = made_up_response(rule, "GET", choice & 8);
  const Collected head = collect(bytes, false, bytes.size());
  MISHAP_CHECK(head.state == HeadCollector::State::complete, "{}", bytes);
  auto response = parse_response_head(head.text);
  MISHAP_CHECK(response && response->status == made_up_status(rule), "{}", bytes);
  const Body body = read_body(response->body, std::string_view(bytes).substr(head.taken), 7);
  MISHAP_CHECK(head.taken + body.taken == bytes.size(), "{}", bytes);
  if (rule.body && response->body.kind != BodyKind::none)
    MISHAP_CHECK(body.content == text, "{}", bytes);
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {std::string("\0", 1) +
              "GET /a%20b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          "\x07HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
          "\x0fHTTP/1.0 404 Not Found\r\n\r\nuntil the end",
          "\x03GET http://h/p?q HTTP/1.0\r\nConnection: keep-alive\r\nX:y\n\n"};
}

void fuzz_one(std::string_view input) {
  FuzzInput in(input);
  const uint8_t choice = in.byte();
  heads(in.rest());
  chunks(in.rest(), 1 + choice);
  made_up(in.rest(), choice);
}

}  // namespace mishap::testing
