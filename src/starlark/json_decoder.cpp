#include "json_decoder.h"

#include <fmt/format.h>

#include "mishap/starlark/operations.h"

#include "bounds.h"
#include "float_text.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

class Decoder {
 public:
  Decoder(Heap& heap, std::string_view text, int max_depth, JsonErrors errors)
      : heap_(heap), text_(text), max_depth_(max_depth), errors_(errors) {}

  Result<Value> run() {
    MISHAP_ASSIGN(Value value, parse_value(0));
    skip_blanks();
    if (at_ < text_.size()) {
      return unexpected(fmt::format("unexpected character {} after value", shown()),
                        "after top-level value");
    }
    return value;
  }

 private:
  tl::unexpected<Error> error(std::string_view message) const {
    if (errors_ == JsonErrors::kOfIndent)
      return fail(fmt::format("{} (at offset {})", message, at_));
    return fail(fmt::format("at offset {}, {}", at_, message));
  }
  tl::unexpected<Error> ended() const {
    return error(errors_ == JsonErrors::kOfIndent ? "unexpected end of JSON input"
                                                  : "unexpected end of file");
  }
  // About the character at the cursor: the message of decode, or where it is for indent.
  tl::unexpected<Error> unexpected(std::string_view message, std::string_view where) const {
    if (errors_ == JsonErrors::kOfDecode) return error(message);
    return error(fmt::format("invalid character {} {}", shown(), where));
  }

  // The character at the cursor, in single quotes.
  std::string shown() const {
    if (peek() == '"') return "'\"'";
    if (peek() == '\'') return "'\\''";
    std::string text = quote(text_.substr(at_, decode_rune(text_.substr(at_)).width));
    text.front() = text.back() = '\'';
    return text;
  }

  void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }

  Result<Value> parse_value(int depth) {
    skip_blanks();
    if (at_end()) return ended();
    if (depth > max_depth_ || stack_left() == 0) return error("nested too deeply");
    MISHAP_TRY(count_work(1));
    const char c = peek();
    if (c == '{') return parse_object(depth);
    if (c == '[') return parse_array(depth);
    if (c == '"') {
      MISHAP_ASSIGN(const std::string text, parse_string());
      return heap_.string(text);
    }
    if (c == '-' || (c >= '0' && c <= '9')) return parse_number();
    const std::pair<std::string_view, Value> words[] = {
        {"null", Value::none()}, {"true", Value::boolean(true)}, {"false", Value::boolean(false)}};
    for (const auto& [word, value] : words) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    return unexpected(fmt::format("unexpected character {}", shown()),
                      "looking for beginning of value");
  }

  Result<Value> parse_array(int depth) {
    ++at_;
    Value list = heap_.list();
    skip_blanks();
    if (!at_end() && peek() == ']') {
      ++at_;
      return list;
    }
    while (true) {
      MISHAP_ASSIGN(Value item, parse_value(depth + 1));
      MISHAP_TRY(list.as<List>().append(std::move(item)));
      MISHAP_ASSIGN(const bool more, separator(']'));
      if (!more) return list;
    }
  }

  Result<Value> parse_object(int depth) {
    ++at_;
    Value dict = heap_.dict();
    skip_blanks();
    if (!at_end() && peek() == '}') {
      ++at_;
      return dict;
    }
    while (true) {
      MISHAP_TRY(parse_member(dict.as<Dict>(), depth));
      MISHAP_ASSIGN(const bool more, separator('}'));
      if (!more) return dict;
    }
  }

  Result<void> parse_member(Dict& dict, int depth) {
    skip_blanks();
    if (at_end()) return ended();
    if (peek() != '"' && errors_ == JsonErrors::kOfIndent)
      return unexpected("", "looking for beginning of object key string");
    if (peek() != '"') {
      MISHAP_ASSIGN(const Value key, parse_value(depth + 1));
      return error(fmt::format("got {} for object key, want string", type_name(key)));
    }
    MISHAP_ASSIGN(const std::string name, parse_string());
    if (dict.get_text(name) != nullptr) {
      return error(fmt::format("object has duplicate key: {}", quote(name)));
    }
    skip_blanks();
    if (at_end()) return ended();
    if (peek() != ':') {
      return unexpected(fmt::format("after object key, got {}, want ':'", shown()),
                        "after object key");
    }
    ++at_;
    MISHAP_ASSIGN(Value value, parse_value(depth + 1));
    return dict.set(heap_.string(name), std::move(value));
  }

  // After an element: true at a comma, false at the closing bracket.
  Result<bool> separator(char close) {
    skip_blanks();
    if (at_end()) return ended();
    const char c = peek();
    if (c != ',' && c != close) {
      const bool in_object = close == '}';
      return unexpected(
          fmt::format("{}got {}, want ',' or '{}'", in_object ? "in object, " : "", shown(), close),
          in_object ? "after object key:value pair" : "after array element");
    }
    ++at_;
    return c == ',';
  }

  // Just behind the quotation mark that ends the string at the cursor; npos when none does.
  size_t string_end() const {
    for (size_t at = at_ + 1; at < text_.size(); ++at) {
      if (text_[at] == '\\')
        ++at;
      else if (text_[at] == '"')
        return at + 1;
    }
    return std::string_view::npos;
  }

  // What is wrong within a string is told of the string as a whole, at its end.
  Result<std::string> parse_string() {
    string_end_ = string_end();
    if (string_end_ == std::string_view::npos) return error("unclosed string literal");
    ++at_;
    std::string out;
    while (true) {
      const char c = peek();
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) {
        return bad_string("string literal");
      }
      if (c == '\\') {
        MISHAP_TRY(parse_escape(out));
      } else {
        const Rune rune = decode_rune(text_.substr(at_));
        append_rune(out, rune.value);
        at_ += rune.width;
      }
    }
    ++at_;
    return out;
  }

  tl::unexpected<Error> bad_string(std::string_view where) {
    const std::string character = shown();
    at_ = string_end_;
    return error(fmt::format("invalid character {} in {}", character, where));
  }

  Result<void> parse_escape(std::string& out) {
    ++at_;
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (const size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      out += kMeanings[letter];
      ++at_;
      return {};
    }
    if (c != 'u') return bad_string("string escape code");
    MISHAP_ASSIGN(char32_t rune, parse_hex());
    // A high surrogate wants its low half; a lone one becomes U+FFFD.
    if (rune >= 0xD800 && rune < 0xDC00 && text_.substr(at_).starts_with("\\u")) {
      const size_t back = at_;
      ++at_;
      MISHAP_ASSIGN(const char32_t low, parse_hex());
      if (low >= 0xDC00 && low < 0xE000) {
        rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = back;
      }
    }
    append_rune(out, rune);
    return {};
  }

  // At the u of \uXXXX.
  Result<char32_t> parse_hex() {
    ++at_;
    const std::string_view digits = text_.substr(at_, 4);
    const size_t wrong = digits.find_first_not_of("0123456789abcdefABCDEF");
    at_ += std::min<size_t>(wrong, 4);
    if (wrong != std::string_view::npos) return bad_string("\\u hexadecimal character escape");
    return static_cast<char32_t>(*BigInt::parse(digits, 16)->to_int64());
  }

  Result<Value> parse_number() {
    const size_t end = std::min(text_.find_first_not_of("+-.0123456789eE", at_), text_.size());
    const std::string_view number = text_.substr(at_, end - at_);
    at_ = end;
    const auto invalid = [&] { return error(fmt::format("invalid number: {}", number)); };
    std::string_view digits = number;
    if (digits.starts_with('-')) digits.remove_prefix(1);
    const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
    if (whole == 0 || (whole > 1 && digits[0] == '0')) return invalid();
    std::string_view rest = digits.substr(whole);
    if (rest.empty()) {
      if (auto may = may_read_integer(whole, 10); !may) {
        may.error().message = fmt::format("at offset {}, {}", at_, may.error().message);
        return fail(std::move(may).error());
      }
      return heap_.integer(*BigInt::parse(number));
    }
    if (rest.starts_with('.') && (rest.size() == 1 || rest[1] < '0' || rest[1] > '9'))
      return invalid();
    const auto value = parse_float(number);
    if (!value) return invalid();
    return Value::real(*value);
  }

  Heap& heap_;
  std::string_view text_;
  int max_depth_;
  JsonErrors errors_;
  size_t at_ = 0;
  size_t string_end_ = 0;  // of the string being read
};

}  // namespace

Result<Value> decode_json(Heap& heap, std::string_view text, int max_depth, JsonErrors errors) {
  return Decoder(heap, text, max_depth, errors).run();
}

}  // namespace mishap::starlark
