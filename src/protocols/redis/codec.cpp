#include "codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/text.h"

namespace mishap::protocols::redis {
namespace {

constexpr size_t kLineLimitBytes = 64 * 1024;  // of the server's own inline limit
constexpr uint64_t kStringLimitBytes = uint64_t{1} << 40;
constexpr uint64_t kCommandArgumentLimit = 1024 * 1024;  // the server's own limit
constexpr uint64_t kAggregateLimit = uint64_t{1} << 32;
constexpr size_t kDepthLimit = 128;
constexpr size_t kNotedBytes = 32;

std::optional<int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

// --- values
// -----------------------------------------------------------------------------------------------------------------

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
  if ((kind == ';') != chunked_ || (kind == ';' && streamed)) {
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

// --- commands
// ---------------------------------------------------------------------------------------------------------------

size_t CommandParser::consume(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && state_ == State::reading) {
    std::string_view rest = bytes.substr(taken);
    if (phase_ == Phase::start) {
      auto first = static_cast<unsigned char>(rest.front());
      phase_ = first == '*' ? Phase::count_line : Phase::inline_line;
      // Something binary, such as a TLS handshake, has no lines to wait for.
      if (first < 0x20 && first != '\r' && first != '\n' && first != '\t') {
        state_ = State::malformed;
        break;
      }
    }
    taken += phase_ == Phase::data ? consume_data(rest) : consume_line(rest);
  }
  return taken;
}

size_t CommandParser::consume_line(std::string_view bytes) {
  size_t end = bytes.find('\n');
  size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, count));
  if (line_.size() > kLineLimitBytes) {
    state_ = State::malformed;
  } else if (end != std::string_view::npos) {
    end_line();
    line_.clear();
  }
  return count;
}

void CommandParser::end_line() {
  std::string_view line = without_line_end(line_);
  if (phase_ == Phase::inline_line) {
    auto words = split_words(line);
    state_ = words ? State::complete : State::malformed;
    if (words) arguments_ = std::move(*words);
    return;
  }
  char expected = phase_ == Phase::count_line ? '*' : '$';
  auto number = line.starts_with(expected) ? parse_integer(line.substr(1)) : std::nullopt;
  if (!number) {
    state_ = State::malformed;
  } else if (phase_ == Phase::count_line) {
    if (*number > int64_t(kCommandArgumentLimit)) state_ = State::malformed;
    if (*number <= 0) state_ = State::complete;
    arguments_left_ = uint64_t(std::max<int64_t>(*number, 0));
    phase_ = Phase::length_line;
  } else if (*number < 0 || uint64_t(*number) > kStringLimitBytes) {
    state_ = State::malformed;
  } else {
    data_left_ = uint64_t(*number) + 2;
    arguments_.emplace_back();
    phase_ = Phase::data;
  }
}

size_t CommandParser::consume_data(std::string_view bytes) {
  size_t count = std::min<uint64_t>(data_left_, bytes.size());
  size_t content = data_left_ > 2 ? std::min<uint64_t>(data_left_ - 2, count) : 0;
  std::string& argument = arguments_.back();
  if (argument.size() < kKeptArgumentBytes) {
    argument.append(bytes.substr(0, std::min(content, kKeptArgumentBytes - argument.size())));
  }
  data_left_ -= count;
  if (data_left_ == 0) {
    phase_ = Phase::length_line;
    if (--arguments_left_ == 0) state_ = State::complete;
  }
  return count;
}

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// One quoted word; `at` stands behind the opening quote and ends behind the closing one. False
/// when there is none.
bool read_quoted(std::string_view line, size_t& at, char quote, std::string& word) {
  for (; at < line.size(); ++at) {
    char c = line[at];
    if (c == quote) {
      ++at;
      return at == line.size() || line[at] == ' ' || line[at] == '\t';
    }
    if (c != '\\' || at + 1 == line.size()) {
      word += c;
      continue;
    }
    char next = line[++at];
    if (quote == '\'') {
      if (next != '\'') word += '\\';
      word += next;
    } else if (next == 'x' && at + 2 < line.size() && hex_digit(line[at + 1]) >= 0 &&
               hex_digit(line[at + 2]) >= 0) {
      word += static_cast<char>(hex_digit(line[at + 1]) * 16 + hex_digit(line[at + 2]));
      at += 2;
    } else {
      size_t known = std::string_view("nrtba").find(next);
      word += known == std::string_view::npos ? next : "\n\r\t\b\a"[known];
    }
  }
  return false;
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
    if (at == line.size()) return words;
    std::string& word = words.emplace_back();
    while (at < line.size() && line[at] != ' ' && line[at] != '\t') {
      char c = line[at++];
      if (c != '"' && c != '\'') {
        word += c;
      } else if (!read_quoted(line, at, c, word)) {
        return std::nullopt;
      }
    }
  }
}

// --- encoding
// ---------------------------------------------------------------------------------------------------------------

std::string encode_command(const std::vector<std::string>& arguments) {
  std::string out = fmt::format("*{}\r\n", arguments.size());
  for (const std::string& argument : arguments) out += encode_bulk(argument);
  return out;
}

std::string encode_bulk(std::string_view text) {
  return fmt::format("${}\r\n{}\r\n", text.size(), text);
}

std::string encode_error(std::string_view text) {
  std::string line(trim(text));
  for (char& c : line) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  std::string_view word = std::string_view(line).substr(0, line.find(' '));
  bool has_type = !word.empty() && word[0] >= 'A' && word[0] <= 'Z' &&
                  std::all_of(word.begin(), word.end(), [](char c) {
                    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
                  });
  return fmt::format("-{}{}\r\n", has_type ? "" : "ERR ", line);
}

// --- decoding
// ---------------------------------------------------------------------------------------------------------------

namespace {

/// Walks over one value that a scanner has accepted; what does not fit all the same is an error,
/// never a crash.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  Result<Reply> value(size_t depth = 0) {
    if (depth > kDepthLimit) return fail("malformed reply");
    MISHAP_ASSIGN(std::string_view line, next_line());
    if (line.empty()) return fail("malformed reply");
    std::string_view text = line.substr(1);
    switch (line.front()) {
      case '+':
        return plain(std::string(text));
      case '-':
        return Reply{true, std::string(text), {}};
      case ':':
      case '(': {
        auto number = parse_integer(text);
        return number ? plain(*number) : plain(std::string(text));
      }
      case '_':
        return plain(nullptr);
      case '#':
        return plain(text == "t");
      case ',':
        return plain(number(text));
      case '$':
      case '=':
      case '!':
        return string(line.front(), text);
      case '*':
      case '~':
      case '>':
        return array(text, depth);
      case '%':
        return map(text, depth);
      case '|':
        MISHAP_TRY(map(text, depth));
        return value(depth + 1);
      default:
        return fail("malformed reply");
    }
  }

 private:
  static Reply plain(Json value) { return {false, {}, std::move(value)}; }

  static Json number(std::string_view text) {
    double parsed = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    bool fits = error == std::errc() && end == text.data() + text.size() && std::isfinite(parsed);
    return fits ? Json(parsed) : Json(std::string(text));
  }

  /// Ends with LF alone, too, as for the scanner.
  Result<std::string_view> next_line() {
    size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return fail("malformed reply");
    std::string_view line = without_line_end(rest_.substr(0, end + 1));
    rest_.remove_prefix(end + 1);
    return line;
  }

  Result<Reply> string(char kind, std::string_view length_text) {
    std::string text;
    if (length_text == "?") {
      MISHAP_ASSIGN(text, chunks());
    } else {
      auto length = parse_integer(length_text);
      if (length && *length == -1) return plain(nullptr);
      MISHAP_ASSIGN(text, data(length.value_or(-1)));
    }
    if (kind == '!') return Reply{true, std::move(text), {}};
    if (kind == '=' && text.size() >= 4 && text[3] == ':') text.erase(0, 4);  // "txt:"
    return plain(std::move(text));
  }

  Result<std::string> data(int64_t length) {
    if (length < 0 || uint64_t(length) + 2 > rest_.size()) return fail("malformed reply");
    std::string out(rest_.substr(0, size_t(length)));
    rest_.remove_prefix(size_t(length) + 2);
    return out;
  }

  Result<std::string> chunks() {
    std::string out;
    while (true) {
      MISHAP_ASSIGN(std::string_view line, next_line());
      auto length = line.starts_with(';') ? parse_integer(line.substr(1)) : std::nullopt;
      if (!length) return fail("malformed reply");
      if (*length == 0) return out;
      MISHAP_ASSIGN(std::string chunk, data(*length));
      out += chunk;
    }
  }

  /// Whether another element follows in an aggregate with that many left (-2: streamed).
  bool more(int64_t& left) {
    if (left == -2) {
      if (!rest_.starts_with('.')) return true;
      (void)next_line();
      return false;
    }
    return left-- > 0;
  }
  static int64_t count(std::string_view text) {
    return text == "?" ? -2 : parse_integer(text).value_or(0);
  }

  Result<Reply> array(std::string_view text, size_t depth) {
    int64_t left = count(text);
    if (left == -1) return plain(nullptr);
    Json out = Json::array();
    while (more(left)) {
      MISHAP_ASSIGN(Reply item, value(depth + 1));
      out.push_back(item.is_error ? Json(item.error) : std::move(item.value));
    }
    return plain(std::move(out));
  }

  Result<Reply> map(std::string_view text, size_t depth) {
    int64_t left = count(text);
    Json out = Json::object();
    while (more(left)) {
      MISHAP_ASSIGN(Reply key, value(depth + 1));
      MISHAP_ASSIGN(Reply item, value(depth + 1));
      out[scalar_text(key.value)] = item.is_error ? Json(item.error) : std::move(item.value);
    }
    return plain(std::move(out));
  }

  std::string_view rest_;
};

}  // namespace

Result<Reply> decode_reply(std::string_view bytes) { return Decoder(bytes).value(); }

}  // namespace mishap::protocols::redis
