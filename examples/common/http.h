// A small HTTP/1.1 server: one thread a connection, keep-alive, bodies by Content-Length.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

struct Request {
  std::string method, path, body;
};
struct Response {
  int status = 200;
  std::string body;
};

/// Serves until the process ends; false when the port cannot be had.
bool serve(uint16_t port, const std::function<Response(const Request&)>& handle);
