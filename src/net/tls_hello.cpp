#include "tls_hello.h"

namespace mishap::net {
namespace {

/// Takes a length of `width` bytes and as many bytes as it says; nothing when they are not there.
std::optional<std::string_view> take_block(std::string_view& from, size_t width) {
  if (from.size() < width) return std::nullopt;
  size_t length = 0;
  for (size_t i = 0; i < width; ++i) length = length << 8 | static_cast<unsigned char>(from[i]);
  if (from.size() - width < length) return std::nullopt;
  std::string_view block = from.substr(width, length);
  from.remove_prefix(width + length);
  return block;
}

constexpr char kHostName = 0;

}  // namespace

std::string read_server_name(std::string_view extension) {
  auto list = take_block(extension, 2);
  while (list && !list->empty()) {
    char type = list->front();
    list->remove_prefix(1);
    auto name = take_block(*list, 2);
    if (!name) return "";
    if (type == kHostName) return std::string(*name);
  }
  return "";
}

std::vector<std::string> read_alpn(std::string_view extension) {
  std::vector<std::string> names;
  auto list = take_block(extension, 2);
  while (list && !list->empty()) {
    auto name = take_block(*list, 1);
    if (!name || name->empty()) return {};
    names.emplace_back(*name);
  }
  return names;
}

std::string alpn_wire(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (name.empty() || name.size() > 255) continue;
    out += static_cast<char>(static_cast<unsigned char>(name.size()));
    out += name;
  }
  return out;
}

}  // namespace mishap::net
