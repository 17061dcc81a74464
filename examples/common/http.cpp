#include "http.h"

#include <cstdlib>
#include <optional>
#include <sstream>
#include <thread>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <strings.h>
#include <unistd.h>

#include "socket.h"

namespace {

constexpr size_t kLargestBody = 1 << 20;

std::optional<Request> read_request(Socket& client) {
  auto first = client.read_line();
  if (!first) return std::nullopt;
  Request request;
  std::istringstream words(*first);
  words >> request.method >> request.path;
  size_t length = 0;
  while (true) {
    auto header = client.read_line();
    if (!header) return std::nullopt;
    if (header->empty()) break;
    if (strncasecmp(header->c_str(), "content-length:", 15) == 0) {
      length = std::strtoul(header->c_str() + 15, nullptr, 10);
    }
  }
  if (length > kLargestBody) return std::nullopt;
  auto body = client.read_exactly(length);
  if (!body) return std::nullopt;
  request.body = std::move(*body);
  return request;
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 409:
      return "Conflict";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

void talk(Socket client, const std::function<Response(const Request&)>& handle) {
  while (auto request = read_request(client)) {
    Response response = handle(*request);
    std::ostringstream out;
    out << "HTTP/1.1 " << response.status << ' ' << reason(response.status)
        << "\r\nContent-Type: application/json\r\nContent-Length: " << response.body.size()
        << "\r\n\r\n"
        << response.body;
    if (!client.write(out.str())) return;
  }
}

}  // namespace

bool serve(uint16_t port, const std::function<Response(const Request&)>& handle) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  if (listen(listener, 128) != 0) return false;
  while (true) {
    int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread(talk, Socket(fd), std::cref(handle)).detach();
  }
}
