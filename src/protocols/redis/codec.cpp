// Values as bytes, and back.
#include "codec.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "codec_lines.h"

namespace mishap::protocols::redis {

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
