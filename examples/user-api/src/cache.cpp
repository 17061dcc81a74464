#include "cache.h"

#include <initializer_list>

#include "socket.h"

namespace {

std::string command(std::initializer_list<std::string> words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

}  // namespace

Cache::Cache(const std::string& url) {
  std::string rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find('/'));
  size_t colon = rest.rfind(':');
  host_ = rest.substr(0, colon);
  port_ = colon == std::string::npos ? "6379" : rest.substr(colon + 1);
}

Cache::Found Cache::get(const std::string& key) const {
  auto server = Socket::dial(host_, port_);
  if (!server || !server->write(command({"GET", key}))) return {State::down, {}};
  auto head = server->read_line();
  if (!head || head->empty() || head->front() != '$') return {State::down, {}};
  int length = std::stoi(head->substr(1));
  if (length < 0) return {State::reachable, {}};
  auto value = server->read_exactly(static_cast<size_t>(length));
  if (!value) return {State::down, {}};
  return {State::reachable, std::move(value)};
}

Cache::State Cache::set(const std::string& key, const std::string& value) const {
  auto server = Socket::dial(host_, port_);
  if (!server || !server->write(command({"SET", key, value, "EX", "60"}))) return State::down;
  auto reply = server->read_line();
  return reply && *reply == "+OK" ? State::reachable : State::down;
}
