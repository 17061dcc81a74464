#include "mishap/event/decoder.h"

#include <optional>

#include <fmt/format.h>
#include <re2/re2.h>

#include "mishap/base/text.h"

namespace mishap::event {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

Decoded raw_alone(std::string_view line) {
  return Decoded{Fields{{"raw", std::string(line)}}, nullptr};
}

/// Fields from the members of an object, and the line as `raw` unless the object has a member of
/// that name.
Decoded from_object(Json object, std::string_view line) {
  Decoded decoded;
  for (const auto& [name, value] : object.items()) decoded.fields.set(name, scalar_text(value));
  if (decoded.fields.find("raw") == nullptr) decoded.fields.set("raw", std::string(line));
  decoded.data = std::move(object);
  return decoded;
}

// --- JSON
// -------------------------------------------------------------------------------------------------------------------

class JsonDecoder : public Decoder {
 public:
  Decoded decode(std::string_view line) const override {
    Result<Json> value = parse_json(trim(line));
    if (!value) return raw_alone(line);
    if (value->is_object()) return from_object(std::move(*value), line);
    Decoded decoded = raw_alone(line);
    decoded.data = std::move(*value);
    return decoded;
  }
};

// --- logfmt
// -----------------------------------------------------------------------------------------------------------------

struct Word {
  std::string key;
  std::optional<std::string> value;  ///< nothing for a word without '='
};

/// Escapes in a quoted value are JSON's; what is not valid JSON is taken literally.
std::string unquoted(std::string_view quoted) {
  Result<Json> value = parse_json(quoted);
  if (value && value->is_string()) return value->get<std::string>();
  return std::string(quoted.substr(1, quoted.size() - 2));
}

/// Reads one word; nothing when a quote is never closed. `text` starts with no blank.
std::optional<Word> read_word(std::string_view& text) {
  size_t end = std::min(text.find_first_of(" \t\r\n="), text.size());
  Word word{std::string(text.substr(0, end)), std::nullopt};
  text.remove_prefix(end);
  if (!text.starts_with('=')) return word;
  text.remove_prefix(1);
  if (!text.starts_with('"')) {
    size_t length = std::min(text.find_first_of(kBlanks), text.size());
    word.value = std::string(text.substr(0, length));
    text.remove_prefix(length);
    return word;
  }
  size_t close = 1;
  while (close < text.size() && text[close] != '"') close += text[close] == '\\' ? 2 : 1;
  if (close >= text.size()) return std::nullopt;
  word.value = unquoted(text.substr(0, close + 1));
  text.remove_prefix(close + 1);
  return word;
}

bool is_key(std::string_view key) {
  return !key.empty() && key.find_first_of("\"'(){}[]<>,:;?&") == std::string_view::npos;
}

struct Pairs {
  Json object = Json::object();
  size_t count = 0;
  bool word_first = false;  ///< something stands before the first pair
};

/// Nothing when the line is not logfmt at all.
std::optional<Pairs> read_logfmt(std::string_view line) {
  Pairs pairs;
  for (std::string_view rest = trim(line); !rest.empty(); rest = trim(rest)) {
    std::optional<Word> word = read_word(rest);
    if (!word) return std::nullopt;
    if (!word->value || !is_key(word->key)) {
      pairs.word_first = pairs.word_first || pairs.count == 0;
      continue;
    }
    pairs.object[word->key] = std::move(*word->value);
    ++pairs.count;
  }
  return pairs;
}

class LogfmtDecoder : public Decoder {
 public:
  Decoded decode(std::string_view line) const override {
    std::optional<Pairs> pairs = read_logfmt(line);
    if (!pairs || pairs->count == 0) return raw_alone(line);
    return from_object(std::move(pairs->object), line);
  }
};

class AutomaticDecoder : public Decoder {
 public:
  Decoded decode(std::string_view line) const override {
    std::string_view text = trim(line);
    if (text.starts_with('{') && text.ends_with('}')) {
      Result<Json> value = parse_json(text);
      if (value && value->is_object()) return from_object(std::move(*value), line);
    }
    if (text.find('=') == std::string_view::npos) return raw_alone(line);
    std::optional<Pairs> pairs = read_logfmt(text);
    if (!pairs || pairs->word_first || pairs->count < 2) return raw_alone(line);
    return from_object(std::move(pairs->object), line);
  }
};

// --- regular expressions
// ----------------------------------------------------------------------------------------------------

class RegexDecoder : public Decoder {
 public:
  explicit RegexDecoder(std::unique_ptr<const re2::RE2> expression)
      : expression_(std::move(expression)) {}

  Decoded decode(std::string_view line) const override {
    std::vector<re2::StringPiece> groups(expression_->NumberOfCapturingGroups() + 1);
    re2::StringPiece text(line.data(), line.size());
    if (!expression_->Match(text, 0, text.size(), re2::RE2::UNANCHORED, groups.data(),
                            static_cast<int>(groups.size()))) {
      return raw_alone(line);
    }
    Json object = Json::object();
    for (const auto& [number, name] : expression_->CapturingGroupNames()) {
      object[name] = std::string(groups[number].data() == nullptr ? "" : groups[number].data(),
                                 groups[number].size());
    }
    return from_object(std::move(object), line);
  }

 private:
  std::unique_ptr<const re2::RE2> expression_;
};

}  // namespace

std::shared_ptr<const Decoder> json_decoder() { return std::make_shared<JsonDecoder>(); }
std::shared_ptr<const Decoder> logfmt_decoder() { return std::make_shared<LogfmtDecoder>(); }
std::shared_ptr<const Decoder> automatic_decoder() { return std::make_shared<AutomaticDecoder>(); }

Result<std::shared_ptr<const Decoder>> regex_decoder(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_unique<const re2::RE2>(pattern, options);
  if (!expression->ok())
    return fail(fmt::format("bad pattern \"{}\": {}", pattern, expression->error()));
  return std::shared_ptr<const Decoder>(std::make_shared<RegexDecoder>(std::move(expression)));
}

}  // namespace mishap::event
