// A blocking TCP client socket with a time limit, as little as the cache and the server need.
#pragma once

#include <optional>
#include <string>
#include <string_view>

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.fd_), buffer_(std::move(other.buffer_)) {
    other.fd_ = -1;
  }
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  /// Nothing when the name does not resolve or nobody answers within two seconds.
  static std::optional<Socket> dial(const std::string& host, const std::string& port);

  bool write(std::string_view bytes);
  /// Up to and without CR LF; nothing at the end of the stream.
  std::optional<std::string> read_line();
  std::optional<std::string> read_exactly(size_t count);

 private:
  bool fill();
  int fd_;
  std::string buffer_;
};
