// RESP2 and RESP3 framing (the Redis serialization protocol specification). Bytes may be cut
// anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mishap/base/json.h"
#include "mishap/base/result.h"

namespace mishap::protocols::redis {

/// Finds where a value ends, without keeping it (value_scanner.cpp).
class ValueScanner {
 public:
  enum class State { scanning, done, malformed };
  /// Takes bytes up to the value's end and returns how many.
  size_t consume(std::string_view bytes);
  State state() const { return state_; }
  /// Nothing of a value has come yet.
  bool at_start() const {
    return state_ == State::scanning && type_ == 0 && line_.empty() && frames_.empty();
  }
  /// First byte of the value, behind attributes: + - : $ * _ # , ( = ! ~ % >
  char type() const { return type_; }
  /// Of an aggregate whose first element is a string: that string's beginning ("message",
  /// "subscribe", …).
  const std::string& first_word() const { return first_word_; }
  void restart() { *this = ValueScanner(); }

 private:
  /// An aggregate that is open, with what is missing in it.
  struct Frame {
    uint64_t left = 0;
    bool streamed = false;   ///< ended by "." instead of a count
    bool pairs = false;      ///< keys and values take turns
    bool key_open = false;   ///< a key has come and its value has not
    bool attribute = false;  ///< does not count as a value itself
  };
  size_t consume_line(std::string_view bytes);
  size_t consume_data(std::string_view bytes);
  void end_line();
  void begin_aggregate(int64_t count, bool pairs, bool attribute);
  void end_value();
  void end_attribute();
  void note_word(std::string_view bytes);

  State state_ = State::scanning;
  char type_ = 0;
  std::string line_;
  bool in_data_ = false;
  uint64_t data_left_ = 0;  ///< with the CR LF behind it
  bool chunked_ = false;    ///< within a streamed string
  bool described_ = false;  ///< an attribute has come, and not yet a value for it
  std::vector<Frame> frames_;
  uint64_t values_seen_ = 0;
  bool noting_ = false;
  std::string first_word_;
};

/// Splits what a client sends into commands (command_parser.cpp).
class CommandParser {
 public:
  enum class State { reading, complete, malformed };
  /// Arguments are kept up to this size, enough to match by.
  static constexpr size_t kKeptArgumentBytes = 64 * 1024;

  /// Takes bytes up to the command's end and returns how many.
  size_t consume(std::string_view bytes);
  State state() const { return state_; }
  bool at_start() const { return state_ == State::reading && phase_ == Phase::start; }
  /// Name and arguments; empty for a blank line or an empty array, which the server does not
  /// answer.
  const std::vector<std::string>& arguments() const { return arguments_; }
  void restart() { *this = CommandParser(); }

 private:
  enum class Phase { start, inline_line, count_line, length_line, data };
  size_t consume_line(std::string_view bytes);
  size_t consume_data(std::string_view bytes);
  void end_line();
  State state_ = State::reading;
  Phase phase_ = Phase::start;
  std::string line_;
  uint64_t arguments_left_ = 0;
  uint64_t data_left_ = 0;
  std::vector<std::string> arguments_;
};

/// Words of an inline command, with the server's quoting rules ("…" with escapes, '…'); nothing
/// when quotes are unbalanced.
std::optional<std::vector<std::string>> split_words(std::string_view line);

/// A command as an array of bulk strings.
std::string encode_command(const std::vector<std::string>& arguments);
/// "-TEXT\r\n" on one line; a text without an upper-case first word gets "ERR" in front.
std::string encode_error(std::string_view text);
std::string encode_bulk(std::string_view text);

/// A decoded reply. An error inside an aggregate becomes its text.
struct Reply {
  bool is_error = false;
  std::string error;
  Json value;
};
/// `bytes` holds exactly one value that a ValueScanner accepted.
Result<Reply> decode_reply(std::string_view bytes);

}  // namespace mishap::protocols::redis
