#include "client.h"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "mishap/base/text.h"
#include "mishap/net/tls.h"

namespace mishap::protocols::http {
namespace {

std::string serialize(const Request& request, const net::Endpoint& endpoint) {
  std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, request.target);
  if (find_header(request.headers, "host") == nullptr) {
    out += fmt::format("Host: {}\r\n", endpoint.text());
  }
  if (find_header(request.headers, "user-agent") == nullptr) out += "User-Agent: mishap\r\n";
  if (find_header(request.headers, "accept") == nullptr) out += "Accept: */*\r\n";
  if (find_header(request.headers, "connection") == nullptr) out += "Connection: close\r\n";
  for (const auto& [name, value] : request.headers) out += fmt::format("{}: {}\r\n", name, value);
  bool sends_body = !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
                    request.method == "PATCH";
  bool framed = find_header(request.headers, "content-length") != nullptr ||
                find_header(request.headers, "transfer-encoding") != nullptr;
  if (sends_body && !framed) out += fmt::format("Content-Length: {}\r\n", request.body.size());
  return out + "\r\n" + request.body;
}

/// Reads one response as it comes off a stream.
class ResponseReader {
 public:
  explicit ResponseReader(bool to_head) : to_head_(to_head) {}
  bool done() const { return in_body_ && body_.done(); }
  Response take() { return std::move(response_); }

  Result<void> add(std::string_view bytes) {
    while (!bytes.empty() && !done()) {
      if (in_body_) {
        bytes.remove_prefix(body_.consume(bytes, &response_.body));
        if (body_.malformed()) return fail("malformed response");
        if (response_.body.size() > kBodyLimitBytes) return fail("the response is over 16 MiB");
        continue;
      }
      bytes.remove_prefix(head_.consume(bytes, false));
      if (head_.state() == HeadCollector::State::malformed) return fail("malformed response");
      if (head_.state() == HeadCollector::State::complete) MISHAP_TRY(begin_body());
    }
    return {};
  }
  /// The stream ended. Only a body without a length may end so.
  Result<void> end() {
    if (done() || (in_body_ && body_.until_close())) return {};
    if (!in_body_ && head_.empty()) return fail("connection closed before the response");
    return fail("connection closed in the middle of the response");
  }

 private:
  Result<void> begin_body() {
    auto head = parse_response_head(head_.take());
    if (!head) return fail("malformed response");
    if (head->status < 200 && head->status != 101) return {};  // informational: another follows
    response_.status = head->status;
    response_.headers = std::move(head->headers);
    body_ = BodyReader(to_head_ ? Framing{} : head->body);
    in_body_ = true;
    return {};
  }

  bool to_head_;
  HeadCollector head_;
  BodyReader body_;
  bool in_body_ = false;
  Response response_;
};

Result<Response> fetch_once(const net::Endpoint& endpoint, const Request& request,
                            net::Deadline deadline, const net::Cancel* cancel) {
  MISHAP_ASSIGN(net::Stream stream, net::Stream::connect(endpoint, deadline, cancel));
  // A server may answer and close before it has read everything: its answer counts, not our failed
  // write.
  auto written = stream.write_all(serialize(request, endpoint));
  ResponseReader reader(request.method == "HEAD");
  std::array<char, 64 * 1024> buffer;
  while (!reader.done()) {
    auto count = stream.read_some(buffer);
    if (!count) return fail(written ? std::move(count).error() : std::move(written).error());
    if (*count == 0) {
      if (!written) return fail(std::move(written).error());
      MISHAP_TRY(reader.end());
      break;
    }
    MISHAP_TRY(reader.add({buffer.data(), *count}));
  }
  return reader.take();
}

std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  std::vector<std::string_view> parts = split(path, '/');
  for (size_t i = 1; i < parts.size(); ++i) {
    bool last = i + 1 == parts.size();
    if (parts[i] == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (parts[i] != ".") {
      kept.emplace_back(parts[i]);
      continue;
    }
    if (last) kept.emplace_back();
  }
  return "/" + join(kept, "/");
}

/// RFC 3986, 5.2, for what servers send: absolute, absolute path, query alone, or relative to the
/// last '/'.
std::string relative_target(const std::string& location, const std::string& target) {
  std::string base = target.substr(0, target.find('?'));
  if (location.starts_with('/')) return location;
  if (location.starts_with('?')) return base + location;
  size_t query = location.find('?');
  std::string path = base.substr(0, base.rfind('/') + 1) + location.substr(0, query);
  return without_dots(path) + (query == std::string::npos ? "" : location.substr(query));
}

/// The same for another server.
std::shared_ptr<const net::TlsClient> tls_for(const std::string& host, net::TlsClient tls) {
  tls.server_name = host;
  return std::make_shared<const net::TlsClient>(std::move(tls));
}

Result<void> redirect(const std::string& location_text, int status, net::Endpoint& endpoint,
                      Request& request) {
  std::string location = location_text.substr(0, location_text.find('#'));
  if (location.starts_with("//")) location.insert(0, endpoint.tls ? "https:" : "http:");
  if (location.find("://") != std::string::npos) {
    MISHAP_ASSIGN(Url url, parse_url(location));
    const std::string* host = find_header(request.headers, "host");
    bool same =
        url.endpoint.text() == endpoint.text() || (host != nullptr && url.endpoint.text() == *host);
    if (url.secure && endpoint.tls == nullptr) {
      return fail(fmt::format("redirected to {}, and the interface is not declared to speak TLS",
                              location));
    }
    if (!same) {
      if (url.secure) url.endpoint.tls = tls_for(url.endpoint.host, *endpoint.tls);
      endpoint = url.endpoint;
      std::erase_if(request.headers, [](const auto& h) { return to_lower(h.first) == "host"; });
    }
    request.target = url.target;
  } else {
    request.target = relative_target(location, request.target);
  }
  bool becomes_get =
      status == 303 || ((status == 301 || status == 302) && request.method == "POST");
  if (becomes_get && request.method != "HEAD") {
    request.method = "GET";
    request.body.clear();
    std::erase_if(request.headers,
                  [](const auto& h) { return to_lower(h.first).starts_with("content-"); });
  }
  return {};
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Result<Url> parse_url(const std::string& url) {
  std::string_view rest = url;
  bool secure = false;
  if (size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    std::string name = to_lower(rest.substr(0, scheme));
    if (name != "http" && name != "https") {
      return fail(fmt::format("{}: \"{}\" is not supported, only http and https", url, name));
    }
    secure = name == "https";
    rest.remove_prefix(scheme + 3);
  }
  size_t path = rest.find_first_of("/?");
  std::string authority(rest.substr(0, path));
  if (size_t user = authority.rfind('@'); user != std::string::npos) authority.erase(0, user + 1);
  std::string target(path == std::string_view::npos ? "/" : rest.substr(path));
  if (target.front() == '?') target.insert(0, "/");
  target.erase(std::min(target.find('#'), target.size()));
  size_t bracket = authority.rfind(']');
  size_t colon = authority.rfind(':');
  bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  if (!has_port) authority += secure ? ":443" : ":80";
  MISHAP_ASSIGN(net::Endpoint endpoint, net::parse_endpoint(authority));
  return Url{std::move(endpoint), std::move(target), secure};
}

Result<Response> follow_redirects(net::Endpoint endpoint, Request request, const Exchange& once) {
  for (int redirects = 0;; ++redirects) {
    MISHAP_ASSIGN(Response response, once(endpoint, request));
    const std::string* location = find_header(response.headers, "location");
    if (!is_redirect(response.status) || location == nullptr) return response;
    if (redirects == kRedirectLimit) return fail("stopped after 10 redirects");
    MISHAP_TRY(redirect(*location, response.status, endpoint, request));
  }
}

Result<Response> fetch(net::Endpoint endpoint, Request request, net::Deadline deadline,
                       const net::Cancel* cancel) {
  return follow_redirects(std::move(endpoint), std::move(request),
                          [&](const net::Endpoint& where, const Request& what) {
                            return fetch_once(where, what, deadline, cancel);
                          });
}

}  // namespace mishap::protocols::http
