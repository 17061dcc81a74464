#include <algorithm>

#include "codec.h"
#include "codec_lines.h"

namespace mishap::protocols::redis {
namespace {

constexpr uint64_t kAggregateLimit = uint64_t{1} << 32;
constexpr size_t kNotedBytes = 32;

}  // namespace

size_t ValueScanner::consume(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::scanning) {
    std::string_view rest = bytes.substr(taken);
    taken += in_data_ ? consume_data(rest) : consume_line(rest);
  }
  return taken;
}

size_t ValueScanner::consume_line(std::string_view bytes) {
  char kind = line_.empty() ? bytes.front() : line_.front();
  if (std::string_view("+-:$*_#,(=!~%|>;.").find(kind) == std::string_view::npos) {
    state_ = State::malformed;
    return 1;  // no more than when it comes byte by byte
  }
  size_t end = bytes.find('\n');
  size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  std::string_view part = bytes.substr(0, count);
  // The type is known from the first byte, so that who forwards can tell a push from a reply at
  // once.
  if (type_ == 0 && kind != '|') type_ = kind;
  // Texts may be long and nobody looks at them; lengths are short.
  bool is_text = kind == '+' || kind == '-' || kind == '(' || kind == ',';
  if (is_text && line_.size() + part.size() > kNotedBytes) {
    line_.append(part.substr(0, line_.size() > kNotedBytes ? 0 : kNotedBytes - line_.size()));
    if (end != std::string_view::npos) line_ += '\n';
  } else {
    line_.append(part);
  }
  if (line_.size() > kLineLimitBytes) {
    state_ = State::malformed;
  } else if (end != std::string_view::npos) {
    end_line();
    line_.clear();
  }
  return count;
}

void ValueScanner::end_line() {
  std::string_view line = without_line_end(line_);
  char kind = line.empty() ? '\n' : line.front();
  std::string_view text = line.empty() ? line : line.substr(1);
  bool is_length = std::string_view("$=!;*~>%|").find(kind) != std::string_view::npos;
  bool streamed = is_length && text == "?";
  auto length = is_length && !streamed ? parse_integer(text) : std::optional<int64_t>(0);
  if (!length || *length < -1) {
    state_ = State::malformed;
    return;
  }
  if ((kind == ';') != chunked_ || (kind == ';' && (streamed || *length < 0))) {
    state_ = State::malformed;
    return;
  }
  switch (kind) {
    case '$':
    case '=':
    case '!':
    case ';':
      if (streamed) {
        chunked_ = true;
      } else if (*length < 0 || (kind == ';' && *length == 0)) {
        chunked_ = false;
        end_value();
      } else if (uint64_t(*length) > kStringLimitBytes) {
        state_ = State::malformed;
      } else {
        in_data_ = true;
        data_left_ = uint64_t(*length) + 2;
        noting_ = frames_.size() == 1 && values_seen_ == 1 && kind == '$';
      }
      return;
    case '*':
    case '~':
    case '>':
      begin_aggregate(streamed ? -2 : *length, false, false);
      return;
    case '%':
      begin_aggregate(streamed ? -2 : *length, true, false);
      return;
    case '|':
      begin_aggregate(streamed ? -2 : *length, true, true);
      return;
    case '.':
      if (frames_.empty() || !frames_.back().streamed || frames_.back().key_open || described_) {
        state_ = State::malformed;
        return;
      }
      if (bool attribute = frames_.back().attribute; true) {
        frames_.pop_back();
        attribute ? end_attribute() : end_value();
      }
      return;
    case '+':
      if (frames_.size() == 1 && values_seen_ == 1) first_word_ = text;
      end_value();
      return;
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
      end_value();
      return;
    default:
      state_ = State::malformed;
  }
}

/// `count` -1 is nil, -2 streamed.
void ValueScanner::begin_aggregate(int64_t count, bool pairs, bool attribute) {
  if (count == 0) return attribute ? end_attribute() : end_value();
  if (count == -1 && !attribute) return end_value();
  if (count == -1 || frames_.size() >= kDepthLimit || count > int64_t(kAggregateLimit)) {
    state_ = State::malformed;
    return;
  }
  if (!attribute && frames_.empty()) values_seen_ = 1;
  frames_.push_back({.left = count == -2 ? 0 : uint64_t(count) * (pairs ? 2 : 1),
                     .streamed = count == -2,
                     .pairs = pairs,
                     .attribute = attribute});
}

/// The value that it describes follows.
void ValueScanner::end_attribute() { described_ = true; }

void ValueScanner::end_value() {
  described_ = false;
  while (true) {
    if (frames_.empty()) {
      state_ = State::done;
      return;
    }
    Frame& frame = frames_.back();
    if (frames_.size() == 1 && !frame.attribute) ++values_seen_;
    if (frame.pairs) frame.key_open = !frame.key_open;
    if (frame.streamed || --frame.left > 0) return;
    bool attribute = frame.attribute;
    frames_.pop_back();
    if (attribute) return end_attribute();
  }
}

size_t ValueScanner::consume_data(std::string_view bytes) {
  size_t count = std::min<uint64_t>(data_left_, bytes.size());
  if (noting_) note_word(bytes.substr(0, count));
  data_left_ -= count;
  if (data_left_ > 0) return count;
  in_data_ = false;
  if (noting_) first_word_ = without_line_end(first_word_);
  noting_ = false;
  if (!chunked_) end_value();
  return count;
}

void ValueScanner::note_word(std::string_view bytes) {
  first_word_.append(bytes.substr(0, kNotedBytes - std::min(kNotedBytes, first_word_.size())));
}

}  // namespace mishap::protocols::redis
