// Methods that take strings apart and put them together.
#include <algorithm>

#include <fmt/format.h>

#include "bounds.h"
#include "find.h"
#include "format.h"
#include "lib.h"
#include "unicode.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

using Parts = std::vector<std::string_view>;

std::string_view self_text(const CallContext& call) { return call.receiver().text(); }

Value list_of(Heap& heap, const Parts& parts) {
  std::vector<Value> values;
  values.reserve(parts.size());
  for (const auto part : parts) values.push_back(heap.string(part));
  return heap.list(std::move(values));
}

// The last code point of `text`, which must not be empty.
Rune last_rune(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
    --at;
  const Rune rune = decode_rune(text.substr(at));
  return at + rune.width == text.size() ? rune : Rune{};
}

constexpr size_t kNoLimit = static_cast<size_t>(-1);

// Fields between runs of white space; after `limit` splits the rest is one field, trailing blanks
// included.
Parts split_space(std::string_view text, size_t limit) {
  Parts parts;
  size_t start = kNoLimit;
  for (size_t at = 0; at < text.size();) {
    const Rune rune = decode_rune(text.substr(at));
    if (!unicode::is_space(rune.value)) {
      if (start == kNoLimit) start = at;
    } else if (start != kNoLimit) {
      if (parts.size() == limit) break;
      parts.push_back(text.substr(start, at - start));
      start = kNoLimit;
    }
    at += rune.width;
  }
  if (start != kNoLimit) parts.push_back(text.substr(start));
  return parts;
}

Parts rsplit_space(std::string_view text, size_t limit) {
  Parts parts;
  size_t end = kNoLimit;
  for (size_t at = text.size(); at > 0;) {
    const Rune rune = last_rune(text.substr(0, at));
    if (!unicode::is_space(rune.value)) {
      if (end == kNoLimit) end = at;
    } else if (end != kNoLimit) {
      if (parts.size() == limit) break;
      parts.push_back(text.substr(at, end - at));
      end = kNoLimit;
    }
    at -= rune.width;
  }
  if (end != kNoLimit) parts.push_back(text.substr(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Parts split_by(std::string_view text, std::string_view separator, size_t limit) {
  Parts parts;
  while (parts.size() < limit) {
    const size_t at = find_part(text, separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  parts.push_back(text);
  return parts;
}

Parts rsplit_by(std::string_view text, std::string_view separator, size_t limit) {
  Parts parts;
  while (parts.size() < limit) {
    const size_t at = rfind_part(text, separator);
    if (at == std::string_view::npos) break;
    parts.push_back(text.substr(at + separator.size()));
    text = text.substr(0, at);
  }
  parts.push_back(text);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

Result<Value> split_with(CallContext& call, decltype(split_by)* by, decltype(split_space)* space) {
  const int64_t most = call.has(1) ? call.integer(1) : -1;
  const size_t limit = most < 0 ? kNoLimit : static_cast<size_t>(most);
  if (!call.has(0) || call[0].is_none()) return list_of(call.heap(), space(self_text(call), limit));
  if (!call[0].is_string())
    return call.error(fmt::format("got {} for separator, want string", type_name(call[0])));
  if (call.text(0).empty()) return call.error("empty separator");
  return list_of(call.heap(), by(self_text(call), call.text(0), limit));
}

// By one character, as often as it is there: counted first, so that the list has its size at once.
bool quick_split(Heap& heap, const Value& self, std::span<const Value> args, Value& result) {
  if (args.size() != 1 || !args[0].is_string() || args[0].text().size() != 1) return false;
  const std::string_view text = self.text();
  const char separator = args[0].text()[0];
  note_bytes(text.size());
  std::vector<Value> parts;
  parts.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), separator)) + 1);
  const char* begin = text.data();
  const char* const end = begin + text.size();
  for (const char* at = begin; at != end; ++at) {
    if (*at != separator) continue;
    parts.push_back(heap.string({begin, static_cast<size_t>(at - begin)}));
    begin = at + 1;
  }
  parts.push_back(heap.string({begin, static_cast<size_t>(end - begin)}));
  result = heap.list(std::move(parts));
  return true;
}

Result<Value> splitlines(CallContext& call) {
  const bool keep = call.has(0) && call.boolean(0);
  std::string_view text = self_text(call);
  Parts lines;
  while (!text.empty()) {
    const size_t size = std::min(text.find_first_of("\r\n"), text.size());
    const size_t end =
        text.substr(size).starts_with("\r\n") ? size + 2 : std::min(size + 1, text.size());
    lines.push_back(text.substr(0, keep ? end : size));
    text.remove_prefix(end);
  }
  return list_of(call.heap(), lines);
}

Result<Value> partition(CallContext& call, bool last) {
  const std::string_view text = self_text(call);
  const std::string_view separator = call.text(0);
  if (separator.empty()) return call.error("empty separator");
  Heap& heap = call.heap();
  const size_t at = last ? rfind_part(text, separator) : find_part(text, separator);
  const Value empty = heap.string("");
  if (at == std::string_view::npos) {
    return last ? heap.tuple({empty, empty, call.receiver()})
                : heap.tuple({call.receiver(), empty, empty});
  }
  return heap.tuple(
      {heap.string(text.substr(0, at)), call[0], heap.string(text.substr(at + separator.size()))});
}

Result<Value> join(CallContext& call) {
  std::vector<Value> others;
  std::span<const Value> items;
  if (call[0].is_list()) {
    items = call.object<List>(0).items();
  } else {
    MISHAP_ASSIGN(others, to_vector(call.thread(), call[0]));
    items = others;
  }
  const std::string_view separator = self_text(call);
  uint64_t size = items.empty() ? 0 : separator.size() * (items.size() - 1);
  for (const Value& item : items) {
    if (!item.is_string()) {
      return call.error(fmt::format("in list, want string, got {}", type_name(item)));
    }
    size += item.text().size();
  }
  MISHAP_TRY(check_size(call, size));
  String* result = call.heap().new_string(size);
  Value value(result);
  char* out = result->mutable_data();
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out = std::copy(separator.begin(), separator.end(), out);
    const std::string_view text = items[i].text();
    out = std::copy(text.begin(), text.end(), out);
  }
  return value;
}

// The code points to be stripped: white space, or those of the argument.
class Cutset {
 public:
  explicit Cutset(const CallContext& call) : spaces_(!call.has(0) || call.text(0).empty()) {
    if (spaces_) return;
    for_each_rune(call.text(0), [&](Rune rune, size_t) { runes_.push_back(rune.value); });
    std::sort(runes_.begin(), runes_.end());
  }
  bool has(Rune rune) const {
    if (spaces_) return unicode::is_space(rune.value);
    return std::binary_search(runes_.begin(), runes_.end(), rune.value);
  }

 private:
  bool spaces_;
  std::vector<char32_t> runes_;  // sorted
};

Result<Value> strip(CallContext& call, bool left, bool right) {
  const Cutset cutset(call);
  std::string_view text = self_text(call);
  while (left && !text.empty()) {
    const Rune rune = decode_rune(text);
    if (!cutset.has(rune)) break;
    text.remove_prefix(rune.width);
  }
  while (right && !text.empty()) {
    const Rune rune = last_rune(text);
    if (!cutset.has(rune)) break;
    text.remove_suffix(rune.width);
  }
  if (text.size() == self_text(call).size()) return call.receiver();
  return call.heap().string(text);
}

Result<Value> format(CallContext& call) {
  return format_braces(call.heap(), self_text(call), call.varargs(), call.kwargs());
}

}  // namespace

void install_string_split(Library& library) {
  const auto method = [&](Signature signature, NativeFunction body) {
    library.method(Kind::kString, std::move(signature), std::move(body));
  };
  const auto splitter = [](std::string name) {
    return Signature(std::move(name)).numbered().optional("sep").optional("maxsplit", types::kInt);
  };
  const auto stripper = [](std::string name) {
    return Signature(std::move(name)).nullable("cutset", types::kString).numbered();
  };
  const auto parter = [](std::string name) {
    return Signature(std::move(name)).required("sep", types::kString).numbered();
  };
  library.method(
      Kind::kString, splitter("split"),
      [](CallContext& c) { return split_with(c, split_by, split_space); }, quick_split);
  method(splitter("rsplit"), [](CallContext& c) { return split_with(c, rsplit_by, rsplit_space); });
  method(Signature("splitlines").optional("keepends", types::kBool).numbered(), splitlines);
  method(parter("partition"), [](CallContext& c) { return partition(c, false); });
  method(parter("rpartition"), [](CallContext& c) { return partition(c, true); });
  method(Signature("join").required("iterable", types::kIterable).numbered(), join);
  method(stripper("strip"), [](CallContext& c) { return strip(c, true, true); });
  method(stripper("lstrip"), [](CallContext& c) { return strip(c, true, false); });
  method(stripper("rstrip"), [](CallContext& c) { return strip(c, false, true); });
  method(Signature("format").varargs().kwargs(), format);
}

}  // namespace mishap::starlark
