// YAML by libfyaml. Aliases and merge keys are resolved here and not by the library, which copies:
// a few lines of nested aliases would otherwise fill the memory.
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <libfyaml.h>

#include "mishap/base/json.h"
#include "mishap/base/text.h"

#include "text_name.h"

namespace mishap {
namespace {

constexpr int kMaxDepth = 500;
/// Values that aliases may stand for in all. What is written out is limited by the text's own size.
constexpr size_t kMaxAliased = 100'000;

struct ParserDelete {
  void operator()(fy_parser* parser) const;
};
struct DiagDelete {
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};
struct DocumentDelete {
  void operator()(fy_document* document) const { fy_document_destroy(document); }
};

/// libfyaml 0.7 may crash when it destroys a parser that met an error inside nested block entries,
/// so such a parser is kept for the life of the process: some kilobytes for each bad text.
void abandon(fy_parser* parser) {
  static std::mutex mutex;
  static auto* abandoned =
      new std::vector<fy_parser*>;  // never destroyed, and so no leak to those who look for leaks
  std::lock_guard lock(mutex);
  abandoned->push_back(parser);
}

void ParserDelete::operator()(fy_parser* parser) const {
  fy_parser_get_stream_error(parser) ? abandon(parser) : fy_parser_destroy(parser);
}

using Parser = std::unique_ptr<fy_parser, ParserDelete>;
using Diag = std::unique_ptr<fy_diag, DiagDelete>;
using Document = std::unique_ptr<fy_document, DocumentDelete>;

std::string scalar_of(fy_node* node) {
  size_t length = 0;
  const char* text = fy_node_get_scalar(node, &length);
  return text == nullptr ? std::string() : std::string(text, length);
}

bool is_block(fy_node* node) {
  const fy_node_style style = fy_node_get_style(node);
  return fy_node_is_scalar(node) && (style == FYNS_LITERAL || style == FYNS_FOLDED);
}

bool is_plain(fy_node* node) { return fy_node_get_style(node) == FYNS_PLAIN; }

/// Where a node begins.
TextPlace place(fy_node* node) {
  fy_token* token = fy_node_get_scalar_token(node);
  const fy_mark* mark = token == nullptr ? nullptr : fy_token_start_mark(token);
  if (mark == nullptr) return {};
  return {static_cast<size_t>(mark->line) + 1, static_cast<size_t>(mark->column) + 1};
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<Json> integer(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (!all_digits(digits)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* begin = std::to_address(text.begin());
  const char* end = std::to_address(text.end());
  int64_t value = 0;
  if (std::from_chars(begin, end, value).ec == std::errc()) return Json(value);
  uint64_t large = 0;
  if (std::from_chars(begin, end, large).ec == std::errc()) return Json(large);
  double inexact = 0;
  std::from_chars(begin, end, inexact);
  return Json(inexact);
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, the core schema's float.
bool looks_like_float(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  size_t exponent = text.find_first_of("eE");
  std::string_view mantissa = text.substr(0, exponent);
  if (exponent != std::string_view::npos) {
    std::string_view power = text.substr(exponent + 1);
    if (power.starts_with('-') || power.starts_with('+')) power.remove_prefix(1);
    if (!all_digits(power)) return false;
  }
  size_t dot = mantissa.find('.');
  if (dot == std::string_view::npos) return all_digits(mantissa);
  std::string_view whole = mantissa.substr(0, dot);
  std::string_view fraction = mantissa.substr(dot + 1);
  if (whole.empty()) return all_digits(fraction);
  return all_digits(whole) && (fraction.empty() || all_digits(fraction));
}

std::optional<Json> floating(std::string_view text) {
  if (!looks_like_float(text)) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) return std::nullopt;  // out of range: keep the digits, as text
  return Json(value);
}

Json plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (std::optional<Json> value = integer(text)) return *value;
  if (std::optional<Json> value = floating(text)) return *value;
  return text;
}

/// A mapping under construction. It finds its members by an index: an ordered object looks at them
/// one by one, and a few merge keys can name the same hundreds again and again.
class Members {
 public:
  /// Null when there is none of that name.
  Json* find(const std::string& name) {
    auto found = index_.find(name);
    return found == index_.end() ? nullptr : &items()[found->second].second;
  }
  void add(const std::string& name, Json value) {
    index_.emplace(name, items().size());
    items().emplace_back(name, std::move(value));
  }
  Json take() { return std::move(object_); }

 private:
  Json::object_t::Container& items() { return object_.get_ref<Json::object_t&>(); }
  Json object_ = Json::object();
  std::unordered_map<std::string, size_t> index_;
};

/// The whole line of that number, from 1.
std::string_view line_of(std::string_view text, size_t number) {
  for (; number > 1 && !text.empty(); --number) text.remove_prefix(text.find('\n') + 1);
  return text.substr(0, text.find('\n'));
}

/// Columns before the first thing of a line that is neither a space nor a list's dash.
size_t indent_of(std::string_view line) {
  size_t at = line.find_first_not_of(' ');
  while (at < line.size() && line[at] == '-' && line.substr(at + 1).starts_with(' '))
    at = line.find_first_not_of(' ', at + 1);
  return std::min(at, line.size());
}

/// Turns nodes into values; counts those behind aliases, which can make few nodes into many values.
class Converter {
 public:
  Converter(std::string_view text, const TextName& name) : text_(text), name_(name) {}
  Result<Json> convert(fy_node* node, int depth);

 private:
  Result<Json> mapping(fy_node* node, int depth);
  Result<void> merge(Members& into, fy_node* source, int depth);
  Result<void> check_block(fy_node* key, fy_node* value) const;

  std::string_view text_;
  const TextName& name_;
  size_t aliased_ = 0;
  int open_aliases_ = 0;
};

Result<Json> Converter::convert(fy_node* node, int depth) {
  if (depth > kMaxDepth)
    return name_.problem(fmt::format("nested deeper than {} levels", kMaxDepth));
  if (open_aliases_ > 0 && ++aliased_ > kMaxAliased)
    return name_.problem(fmt::format("its aliases stand for more than {} values", kMaxAliased));
  if (node == nullptr) return Json(nullptr);
  if (fy_node_is_alias(node)) {
    fy_node* target = fy_node_resolve_alias(node);
    if (target == nullptr)
      return name_.problem(place(node), fmt::format("unknown alias \"{}\"", scalar_of(node)));
    ++open_aliases_;
    Result<Json> value = convert(target, depth + 1);
    --open_aliases_;
    return value;
  }
  if (fy_node_is_scalar(node)) {
    std::string text = scalar_of(node);
    // libfyaml 0.7 reads the byte after the text into an empty block at its end.
    if (is_block(node)) std::erase(text, '\0');
    return is_plain(node) ? plain_scalar(text) : Json(std::move(text));
  }
  if (fy_node_is_mapping(node)) return mapping(node, depth);
  Json list = Json::array();
  void* position = nullptr;
  while (fy_node* item = fy_node_sequence_iterate(node, &position)) {
    MISHAP_ASSIGN(Json value, convert(item, depth + 1));
    list.push_back(std::move(value));
  }
  return list;
}

Result<Json> Converter::mapping(fy_node* node, int depth) {
  Members members;
  std::set<std::string> written;
  void* position = nullptr;
  while (fy_node_pair* pair = fy_node_mapping_iterate(node, &position)) {
    fy_node* key = fy_node_pair_key(pair);
    if (key != nullptr && fy_node_is_alias(key)) key = fy_node_resolve_alias(key);
    if (key == nullptr || !fy_node_is_scalar(key)) return name_.problem("keys must be text");
    std::string name = scalar_of(key);
    if (name == "<<" && is_plain(key)) {
      MISHAP_TRY(merge(members, fy_node_pair_value(pair), depth + 1));
      continue;
    }
    if (!written.insert(name).second)
      return name_.problem(place(key), fmt::format("duplicate key \"{}\"", name));
    MISHAP_TRY(check_block(key, fy_node_pair_value(pair)));
    MISHAP_ASSIGN(Json value, convert(fy_node_pair_value(pair), depth + 1));
    if (Json* merged = members.find(name)) {
      *merged = std::move(value);
    } else {
      members.add(name, std::move(value));
    }
  }
  return members.take();
}

/// libfyaml 0.7 takes a block that is not indented more than its key, which is no YAML, and ends
/// its text with memory of its own.
Result<void> Converter::check_block(fy_node* key, fy_node* value) const {
  if (value == nullptr || !is_block(value)) return {};
  size_t length = 0;
  fy_node_get_scalar(value, &length);
  const TextPlace begin = place(value);
  if (length == 0 || begin.line == 0) return {};
  size_t line = begin.line;
  while (trim(line_of(text_, line)).empty() && line < begin.line + length) ++line;
  const std::string_view first = line_of(text_, line);
  if (first.find_first_not_of(' ') > indent_of(line_of(text_, place(key).line))) return {};
  return name_.problem({line, 1}, "the lines of a block must be indented more than its key");
}

/// Adds what `source` (a mapping, or a list of them) has and `into` lacks; keys written beside "<<"
/// win, earlier sources too.
Result<void> Converter::merge(Members& into, fy_node* source, int depth) {
  MISHAP_ASSIGN(Json value, convert(source, depth));
  Json sources = value.is_array() ? std::move(value) : Json::array({std::move(value)});
  for (Json& one : sources) {
    if (!one.is_object())
      return name_.problem("a merge key (<<) needs a mapping or a list of mappings");
    for (auto& [name, member] : one.items()) {
      if (into.find(name) == nullptr) into.add(name, std::move(member));
    }
  }
  return {};
}

/// Bytes of the UTF-8 character at the start of `text`, 0 when there is none.
size_t utf8_length(std::string_view text) {
  auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned char first = byte(0);
  size_t length = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool surrogate = first == 0xed && byte(1) >= 0xa0;
  bool too_large = first == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

/// Refuses what is not text. The library never returns from a directive line with a broken
/// character in it.
Result<void> check_text(std::string_view text, const TextName& name) {
  size_t line = 1;
  size_t line_start = 0;
  for (size_t at = 0; at < text.size();) {
    size_t length = utf8_length(text.substr(at));
    auto c = static_cast<unsigned char>(text[at]);
    bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    if (length == 0 || control) {
      return name.problem({line, at - line_start + 1},
                          control ? "control character" : "not valid UTF-8");
    }
    at += length;
    if (c == '\n') {
      ++line;
      line_start = at;
    }
  }
  return {};
}

tl::unexpected<Error> first_error(fy_diag* diag, const TextName& name) {
  void* position = nullptr;
  const fy_diag_error* error = fy_diag_errors_iterate(diag, &position);
  if (error == nullptr || error->msg == nullptr) return name.problem("not valid YAML");
  if (error->line <= 0) return name.problem(error->msg);
  return name.problem({static_cast<size_t>(error->line), static_cast<size_t>(error->column)},
                      error->msg);
}

}  // namespace

Result<Json> parse_yaml(std::string_view given, std::string_view file) {
  const TextName name(file);
  const std::string text(given);  // with a NUL after it
  MISHAP_TRY(check_text(text, name));
  fy_diag_cfg diag_settings;
  fy_diag_cfg_default(&diag_settings);
  diag_settings.fp = nullptr;
  diag_settings.output_fn = [](fy_diag*, void*, const char*, size_t) {};
  Diag diag(fy_diag_create(&diag_settings));
  if (diag == nullptr) return fail("no memory for the YAML parser");
  fy_diag_set_collect_errors(diag.get(), true);

  fy_parse_cfg settings{};
  settings.flags =
      static_cast<fy_parse_cfg_flags>(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE);
  settings.diag = diag.get();
  Parser parser(fy_parser_create(&settings));
  if (parser == nullptr || fy_parser_set_string(parser.get(), text.data(), text.size()) != 0) {
    return fail("no memory for the YAML parser");
  }
  Document document(fy_parse_load_document(parser.get()));
  if (document == nullptr) {
    if (fy_parser_get_stream_error(parser.get())) return first_error(diag.get(), name);
    return Json(nullptr);
  }
  Result<Json> value = Converter(text, name).convert(fy_document_root(document.get()), 0);
  if (!value) return value;
  Document second(fy_parse_load_document(parser.get()));
  if (second != nullptr) return name.problem("more than one document");
  if (fy_parser_get_stream_error(parser.get())) return first_error(diag.get(), name);
  return value;
}

}  // namespace mishap
