#include "service.h"

#include <cstdlib>
#include <iostream>
#include <mutex>

namespace {

/// Text of others that is no UTF-8 must not keep a line from being written.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void log_line(const Json& line) {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  std::cout << text_of(line) << std::endl;
}

Response answer(int status, const Json& body) { return {status, text_of(body)}; }

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    std::cerr << name << " is not set" << std::endl;
    std::exit(1);
  }
  return value;
}

uint16_t port_to_serve(uint16_t otherwise) {
  const char* port = std::getenv("PORT");
  return port != nullptr ? static_cast<uint16_t>(std::atoi(port)) : otherwise;
}
