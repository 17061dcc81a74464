// gRPC's messages in a stream of DATA: a flag byte, four bytes of length, the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mishap::protocols::h2core {

constexpr size_t kMessagePrefixBytes = 5;

/// Follows the messages of one direction of a stream; holds none of their bytes.
class MessageCounter {
 public:
  /// Takes bytes up to the end of the message that is under way, or all, and returns how many.
  size_t consume(std::string_view bytes);
  /// Messages that have ended.
  int count() const { return count_; }

 private:
  size_t prefix_seen_ = 0;
  uint32_t left_ = 0;
  int count_ = 0;
};

std::string encode_message(std::string_view message);

struct Message {
  bool compressed = false;
  std::string bytes;
  bool operator==(const Message&) const = default;
};
struct Messages {
  std::vector<Message> whole;
  bool ends_within_one = false;
};
/// The messages of a body.
Messages split_messages(std::string_view body);

}  // namespace mishap::protocols::h2core
