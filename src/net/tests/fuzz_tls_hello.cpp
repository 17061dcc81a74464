// Any bytes as the extensions of a ClientHello, and as the first that a server is given.
#include "mishap/base/testing/fuzz.h"
#include "mishap/net/tls.h"

#include "tls_hello.h"

namespace mishap::testing {
namespace {

const net::TlsContext& server_context() {
  static const auto kContext = [] {
    auto authority = *net::Authority::generate();
    return *net::TlsContext::server(*authority->issue({"db"}));
  }();
  return kContext;
}

std::string client_hello() {
  auto client = net::TlsEngine::client(*net::TlsContext::client({"", false, true}, std::nullopt),
                                       {"db", {"h2", "http/1.1"}}, {});
  client->advance();
  return client->output();
}

void extensions(std::string_view input) {
  MISHAP_CHECK(net::read_server_name(input).size() <= input.size());
  auto names = net::read_alpn(input);
  std::string list = net::alpn_wire(names);
  std::string again;
  again += static_cast<char>(list.size() >> 8);
  again += static_cast<char>(list.size() & 0xff);
  MISHAP_CHECK(net::read_alpn(again + list) == names);
}

void first_bytes(std::string_view input) {
  auto server = net::TlsEngine::server(server_context());
  server->receive(input);
  if (server->advance() == net::TlsEngine::State::offered) {
    auto offer = server->offer();
    server->accept(offer.alpn.empty() ? "" : offer.alpn.front());
    server->advance();
  }
  server->receive_end();
  auto state = server->advance();
  MISHAP_CHECK(state == net::TlsEngine::State::failed && !server->error().empty());
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  using namespace std::string_literals;
  return {"\0\5\0\0\2db"s, "\0\7\2h2\3foo"s, client_hello(), "GET / HTTP/1.1\r\n\r\n"};
}

void fuzz_one(std::string_view input) {
  extensions(input);
  first_bytes(input);
}

}  // namespace mishap::testing
