#include "mishap/base/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "text_name.h"

namespace mishap {
namespace {

constexpr size_t kMaxDepth = 500;

/// Walks through a text and tells how far it got, because the parser's events do not say where they
/// are.
struct Reading {
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at;
  const char** reached;

  reference operator*() const { return *at; }
  Reading& operator++() {
    *reached = ++at;
    return *this;
  }
  bool operator==(const Reading& other) const { return at == other.at; }
  bool operator!=(const Reading& other) const { return at != other.at; }
};

/// Builds a value from the parser's events. It exists for the limit on nesting, and because an
/// ordered object finds its keys by looking at them one by one: objects with many keys get an index
/// while they grow.
class Builder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  /// `keys_once`: a key that comes twice is an error.
  Builder(std::string_view text, const TextName& name, bool keys_once)
      : text_(text), name_(name), keys_once_(keys_once) {}

  Reading begin() { return {std::to_address(text_.begin()), &read_}; }
  Reading end() { return {std::to_address(text_.end()), &read_}; }

  bool null() { return scalar(nullptr); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(number_integer_t value) { return scalar(value); }
  bool number_unsigned(number_unsigned_t value) { return scalar(value); }
  bool number_float(number_float_t value, const string_t&) { return scalar(value); }
  bool string(string_t& value) { return scalar(std::move(value)); }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return open(Json::object()); }
  bool start_array(size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(string_t& name);
  bool parse_error(size_t offset, const std::string& token,
                   const nlohmann::detail::exception& error);

  Json take() { return std::move(root_); }
  /// After a parser's false.
  tl::unexpected<Error> problem() const { return name_.problem(where_, what_); }

 private:
  struct Level {
    Json* container;
    size_t member = 0;  // index of the pending member of an object
    std::unordered_map<std::string, size_t> index;
  };

  Json* put(Json value);
  bool scalar(Json value) { return put(std::move(value)) != nullptr; }
  bool open(Json container);
  bool close() {
    levels_.pop_back();
    return true;
  }
  TextPlace place(size_t offset) const;
  bool may_repeat(const std::string& key);
  size_t token_start(const std::string& message, size_t end, const std::string& token) const;

  std::string_view text_;
  const TextName& name_;
  const bool keys_once_;
  Json root_;
  std::vector<Level> levels_;
  const char* read_ = nullptr;  ///< what the parser has not read yet
  TextPlace where_;
  std::string what_;
};

using Members = Json::object_t::Container;

Json* Builder::put(Json value) {
  if (levels_.empty()) {
    root_ = std::move(value);
    return &root_;
  }
  Level& level = levels_.back();
  if (level.container->is_array()) return &level.container->emplace_back(std::move(value));
  Members& members = level.container->get_ref<Json::object_t&>();
  members[level.member].second = std::move(value);
  return &members[level.member].second;
}

bool Builder::open(Json container) {
  if (levels_.size() == kMaxDepth) {
    what_ = fmt::format("nested deeper than {} levels", kMaxDepth);
    return false;
  }
  levels_.push_back(Level{put(std::move(container)), 0, {}});
  return true;
}

/// Finds or adds the member; where a key may come twice, its last value counts.
bool Builder::key(string_t& name) {
  constexpr size_t kIndexedFrom = 16;
  Level& level = levels_.back();
  Members& members = level.container->get_ref<Json::object_t&>();
  if (members.size() < kIndexedFrom) {
    for (level.member = 0; level.member < members.size(); ++level.member) {
      if (members[level.member].first == name) return may_repeat(name);
    }
  } else {
    for (size_t i = level.index.size(); i < members.size(); ++i)
      level.index.emplace(members[i].first, i);
    auto found = level.index.find(name);
    if (found != level.index.end()) {
      level.member = found->second;
      return may_repeat(name);
    }
    level.member = members.size();
  }
  members.emplace_back(std::move(name), nullptr);
  return true;
}

/// A key that the parser has just read comes again.
bool Builder::may_repeat(const std::string& key) {
  if (!keys_once_) return true;
  // Back from its closing quote to the one that opens it, which no backslash stands before.
  size_t start = read_ - text_.data() - 1;
  do {
    start = text_.rfind('"', start - 1);
  } while (text_[start - 1] == '\\');
  where_ = place(start);
  what_ = fmt::format("duplicate key \"{}\"", key);
  return false;
}

TextPlace Builder::place(size_t offset) const {
  offset = std::min(offset, text_.size());
  std::string_view before = text_.substr(0, offset);
  size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  size_t line_start = before.rfind('\n');
  size_t column = offset - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1;
  return {line, column};
}

/// Where the token starts that ends at `end`. The library keeps the text of strings and numbers
/// only.
size_t Builder::token_start(const std::string& message, size_t end,
                            const std::string& token) const {
  if (message.starts_with("unexpected end of input")) return text_.size();
  bool has_text = message.starts_with("unexpected string") ||
                  message.starts_with("unexpected number") ||
                  message.starts_with("invalid string") || message.starts_with("number overflow");
  if (has_text && end >= token.size() && text_.substr(end - token.size(), token.size()) == token) {
    return end - token.size();
  }
  size_t start = end == 0 ? 0 : end - 1;
  if (message.find("literal") != std::string::npos) {
    while (start > 0 && text_[start - 1] >= 'a' && text_[start - 1] <= 'z') --start;
  }
  return start;
}

/// The library says "[json.exception…] parse error at line 1, column 2: syntax error while parsing
/// value - unexpected '}'; expected …"; people need the last part and where the offending token
/// starts.
bool Builder::parse_error(size_t offset, const std::string& token,
                          const nlohmann::detail::exception& error) {
  std::string message = error.what();
  if (size_t end = message.find("] "); end != std::string::npos) message.erase(0, end + 2);
  if (message.starts_with("parse error at ")) {
    if (size_t end = message.find(": "); end != std::string::npos) message.erase(0, end + 2);
  }
  if (message.starts_with("syntax error while parsing ")) {
    if (size_t end = message.find(" - "); end != std::string::npos) message.erase(0, end + 3);
  }
  if (size_t begin = message.find("; last read: '"); begin != std::string::npos) {
    size_t end = message.find("'; expected ", begin + 14);
    message.erase(begin, end == std::string::npos ? std::string::npos : end + 1 - begin);
  }
  size_t start = token_start(message, std::min(offset, text_.size()), token);
  where_ = place(start);
  what_ = std::move(message);
  return false;
}

Result<Json> parse(std::string_view text, std::string_view file, bool keys_once) {
  const TextName name(file);
  Builder builder(text, name, keys_once);
  if (!Json::sax_parse(builder.begin(), builder.end(), &builder)) return builder.problem();
  return builder.take();
}

std::string double_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // Plain digits in the range people write plainly, as JavaScript does; both forms are the shortest
  // that read back.
  double size = std::fabs(value);
  bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           plain ? std::chars_format::fixed : std::chars_format::scientific);
  return std::string(buffer, end.ptr);
}

}  // namespace

Result<Json> parse_json(std::string_view text) { return parse(text, "", false); }

Result<Json> parse_json_file(std::string_view text, std::string_view file) {
  return parse(text, file, true);
}

std::string to_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string scalar_text(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return {};
    case Json::value_t::string:
      return value.get_ref<const std::string&>();
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::number_integer:
      return std::to_string(value.get<int64_t>());
    case Json::value_t::number_unsigned:
      return std::to_string(value.get<uint64_t>());
    case Json::value_t::number_float:
      return double_text(value.get<double>());
    default:
      return to_text(value);
  }
}

}  // namespace mishap
