#include "mishap/protocols/h2core/messages.h"

#include <algorithm>

#include "mishap/protocols/h2core/frame.h"

namespace mishap::protocols::h2core {

size_t MessageCounter::consume(std::string_view bytes) {
  size_t taken = 0;
  while (prefix_seen_ < kMessagePrefixBytes && taken < bytes.size()) {
    auto byte = static_cast<uint8_t>(bytes[taken++]);
    if (prefix_seen_++ > 0) left_ = left_ << 8 | byte;
  }
  if (prefix_seen_ < kMessagePrefixBytes) return taken;
  const size_t content = std::min<size_t>(left_, bytes.size() - taken);
  left_ -= static_cast<uint32_t>(content);
  taken += content;
  if (left_ == 0) {
    ++count_;
    prefix_seen_ = 0;
  }
  return taken;
}

std::string encode_message(std::string_view message) {
  std::string out(1, '\0');
  out += encode_u32(static_cast<uint32_t>(message.size()));
  return out.append(message);
}

Messages split_messages(std::string_view body) {
  Messages messages;
  while (body.size() >= kMessagePrefixBytes) {
    const bool compressed = body[0] != 0;
    const size_t length = read_u32(body.substr(1));
    if (body.size() - kMessagePrefixBytes < length) break;
    body.remove_prefix(kMessagePrefixBytes);
    messages.whole.push_back({compressed, std::string(body.substr(0, length))});
    body.remove_prefix(length);
  }
  messages.ends_within_one = !body.empty();
  return messages;
}

}  // namespace mishap::protocols::h2core
