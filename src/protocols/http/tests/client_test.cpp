#include "client.h"

#include <functional>
#include <thread>

#include <sys/socket.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "mishap/net/sockets.h"
#include "mishap/net/testing/tls_peer.h"
#include "mishap/protocols/http/http.h"

namespace mishap::protocols::http {
namespace {

using std::chrono::seconds;

/// Serves one scripted reply per connection, in order, and keeps the requests.
class Server {
 public:
  explicit Server(std::vector<std::string> replies) : replies_(std::move(replies)) {
    listener_ = std::move(*net::listen_on(net::Address::loopback_v4(0)));
    port = net::local_address(listener_.get())->port();
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() { thread_.join(); }

  net::Endpoint endpoint() const { return {"127.0.0.1", port}; }
  uint16_t port = 0;
  std::vector<std::string> requests;  ///< read after the last reply was received

 private:
  void serve() {
    for (const std::string& reply : replies_) {
      pollfd entry{listener_.get(), POLLIN, 0};
      poll(&entry, 1, 10'000);
      auto accepted = net::accept_next(listener_.get());
      if (!accepted || !*accepted) return;
      requests.push_back(read_request((*accepted)->fd.get()));
      send((*accepted)->fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
    }
  }
  static std::string read_request(int fd) {
    std::string text;
    HeadCollector head;
    std::optional<BodyReader> body;
    char buffer[4096];
    while (!body || !body->done()) {
      pollfd entry{fd, POLLIN, 0};
      if (poll(&entry, 1, 10'000) != 1) break;
      ssize_t count = recv(fd, buffer, sizeof buffer, 0);
      if (count <= 0) break;
      std::string_view bytes(buffer, size_t(count));
      text.append(bytes);
      if (!body) {
        bytes.remove_prefix(head.consume(bytes, true));
        if (head.state() == HeadCollector::State::complete) {
          body.emplace(parse_request_head(head.text())->body);
        }
      }
      if (body) body->consume(bytes);
    }
    return text;
  }

  std::vector<std::string> replies_;
  UniqueFd listener_;
  std::thread thread_;
};

traffic::StepCall call(const Server& server, const std::string& method, Json arguments) {
  traffic::StepCall out;
  out.method = method;
  out.arguments = std::move(arguments);
  out.endpoint = server.endpoint();
  out.deadline = net::Clock::now() + seconds(10);
  return out;
}

traffic::StepResult step(const Server& server, const std::string& method, Json arguments) {
  auto result = http_protocol().step(call(server, method, std::move(arguments)));
  return result ? std::move(*result) : traffic::StepResult{.error = "E: " + result.error().message};
}

TEST(HttpStep, SendsJsonAndDecodesAChunkedReply) {
  Server server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: "
       "application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
       "8\r\n {\"id\":9\r\n3\r\n0} \r\n0\r\n\r\n"});
  auto result =
      step(server, "post",
           {{"path", "/users?a=b c"}, {"body", {{"name", "ann"}}}, {"headers", {{"X-N", 5}}}});
  EXPECT_TRUE(result.ok) << result.error;
  EXPECT_EQ(result.status, 201);
  EXPECT_EQ(result.body, "{\"id\":90}");
  EXPECT_EQ(result.data["id"], 90);
  EXPECT_EQ(result.fields.get("content_type"), "application/json");
  EXPECT_THAT(server.requests.at(0), ::testing::StartsWith("POST /users?a=b%20c HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests.at(0), ::testing::HasSubstr("X-N: 5\r\n"));
  EXPECT_THAT(server.requests.at(0), ::testing::HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(server.requests.at(0), ::testing::EndsWith("\r\n\r\n{\"name\":\"ann\"}"));
}

TEST(HttpStep, TextStaysTextAndErrorsOfTheServerAreOk) {
  Server server({"HTTP/1.1 503 Service Unavailable\r\n\r\n down \n"});
  auto result = step(server, "get", {{"path", "health"}});
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.status, 503);
  EXPECT_EQ(result.data, Json("down"));
  EXPECT_THAT(server.requests.at(0), ::testing::StartsWith("GET /health HTTP/1.1\r\n"));
}

TEST(HttpStep, FollowsRedirects) {
  Server server({"HTTP/1.1 302 Found\r\nLocation: ../b?x=1\r\nContent-Length: 0\r\n\r\n",
                 "HTTP/1.1 307 Temporary Redirect\r\nLocation: /c\r\nContent-Length: 0\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"});
  auto result = step(server, "post", {{"path", "/a/x/y"}, {"body", "hi"}});
  EXPECT_EQ(result.data, Json(true));
  EXPECT_THAT(server.requests.at(1), ::testing::StartsWith("GET /a/b?x=1 HTTP/1.1\r\n"));
  EXPECT_THAT(server.requests.at(2), ::testing::StartsWith("GET /c HTTP/1.1\r\n"));
}

TEST(HttpStep, StopsAfterTenRedirects) {
  Server server(std::vector<std::string>(
      11, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"));
  EXPECT_EQ(step(server, "get", Json::object()).error, "stopped after 10 redirects");
}

TEST(HttpStep, SaysWhatWentWrong) {
  Server server({"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "SSH-2.0-x\r\n\r\n"});
  EXPECT_EQ(step(server, "get", Json::object()).error, "connection closed before the response");
  EXPECT_EQ(step(server, "get", Json::object()).error,
            "connection closed in the middle of the response");
  EXPECT_EQ(step(server, "get", Json::object()).error, "malformed response");
  EXPECT_EQ(step(server, "get", {{"path", 5}}).error, "E: get(): path must be a string");
  EXPECT_EQ(step(server, "get", {{"headers", "x"}}).error, "E: get(): headers must be a dict");
  EXPECT_EQ(step(server, "get", {{"headers", {{"A", "b\nc"}}}}).error,
            "E: get(): header \"A\" must be one line");
}

TEST(HttpCheck, IsReadyBelow400) {
  Server server({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                 "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"});
  net::Deadline soon = net::Clock::now() + seconds(10);
  EXPECT_TRUE(http_protocol().ready(server.endpoint(), {}, soon));
  std::string url = "http://127.0.0.1:" + std::to_string(server.port) + "/health";
  auto missing = http_check(url, nullptr, soon);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "GET " + url + ": status 404");
}

TEST(HttpFetch, IsNotRedirectedToWhatIsNotSpoken) {
  Server server(
      {"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/x\r\nContent-Length: 0\r\n\r\n"});
  auto response =
      fetch(server.endpoint(), {"GET", "/", {}, {}}, net::Clock::now() + seconds(10), nullptr);
  EXPECT_EQ(response.error().message,
            "redirected to https://127.0.0.1/x, and the interface is not declared to speak TLS");
}

TEST(HttpFetch, SpeaksTlsWhereTheEndpointOrTheUrlSaysSo) {
  auto authority = *net::Authority::generate();
  auto context = *net::TlsContext::server(*authority->issue({"127.0.0.1"}));
  UniqueFd listener = *net::listen_on(net::Address::loopback_v4(0));
  std::thread server([&] {
    for (const char* reply : {"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n",
                              "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsafe"}) {
      pollfd entry{listener.get(), POLLIN, 0};
      poll(&entry, 1, 10'000);
      net::TlsPeer peer(std::move((*net::accept_next(listener.get()))->fd), context);
      ASSERT_TRUE(peer.shake_hands()) << peer.engine().error();
      EXPECT_EQ(peer.read(4), "GET ");
      peer.write(reply);
    }
  });
  auto tls = std::make_shared<const net::TlsClient>(net::TlsClient{
      *net::TlsContext::client({authority->certificate_pem(), false}, {}), "127.0.0.1"});
  std::string url = "https://" + net::local_address(listener.get())->text() + "/";
  auto page = get_page(url, tls, net::Clock::now() + seconds(10));
  server.join();
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->body, "safe");
}

TEST(HttpUrl, IsTakenApart) {
  auto url = parse_url("http://u:p@[::1]/x?y#z");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->endpoint.text(), "[::1]:80");
  EXPECT_EQ(url->target, "/x?y");
  EXPECT_EQ(parse_url("localhost:8080")->target, "/");
  EXPECT_FALSE(url->secure);
  EXPECT_TRUE(parse_url("https://x/")->secure);
  EXPECT_EQ(parse_url("https://x/")->endpoint.text(), "x:443");
  EXPECT_EQ(parse_url("ftp://x/").error().message,
            "ftp://x/: \"ftp\" is not supported, only http and https");
}

}  // namespace
}  // namespace mishap::protocols::http
