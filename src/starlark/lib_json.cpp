// The module json: encode, decode, indent. Integers of any size survive a round trip; keys come out
// sorted.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "mishap/starlark/thread.h"

#include "float_text.h"
#include "json_decoder.h"
#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

constexpr int kMaxDepth = 500;

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for_each_rune(text, [&](Rune rune, size_t at) {
    const char32_t c = rune.value;
    if (rune.invalid()) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(at, rune.width);
    }
  });
  out += '"';
}

class Encoder {
 public:
  explicit Encoder(Thread& thread) : thread_(thread) {}

  Result<void> encode(const Value& value, int depth) {
    if (depth > kMaxDepth || stack_left() == 0) return fail("nested too deeply");
    MISHAP_TRY(count_work(1));
    if (out_.size() > static_cast<size_t>(kMaxRepeat) || !thread_.heap().can_allocate(out_.size()))
      return fail("memory limit exceeded");
    if (!value.is_object()) return encode_one(value, depth);
    if (std::find(open_.begin(), open_.end(), value.object()) != open_.end())
      return fail("cycle in JSON structure");
    open_.push_back(value.object());
    auto done = encode_one(value, depth);
    open_.pop_back();
    return done;
  }

  std::string take() { return std::move(out_); }

 private:
  Result<void> encode_one(const Value& value, int depth) {
    switch (value.kind()) {
      case Kind::kNone:
        out_ += "null";
        return {};
      case Kind::kBool:
        out_ += value.as_bool() ? "true" : "false";
        return {};
      case Kind::kInt:
      case Kind::kBigInt:
        append_repr(out_, value);
        return {};
      case Kind::kFloat:
        return encode_float(value.as_double());
      case Kind::kString:
        append_json_string(out_, value.text());
        return {};
      case Kind::kDict:
        return encode_dict(value.as<Dict>(), depth);
      default:
        break;
    }
    if (value.is_host()) {
      const auto names = attr_names(thread_, value);
      if (!names.empty()) return encode_attributes(value, names, depth);
    }
    if (is_iterable(value)) return encode_items(value, depth);
    return fail(fmt::format("cannot encode {} as JSON", type_name(value)));
  }

  Result<void> encode_float(double value) {
    if (!std::isfinite(value)) {
      return fail(fmt::format("cannot encode non-finite float {}", float_text(value)));
    }
    out_ += float_text(value);
    return {};
  }

  Result<void> encode_dict(const Dict& dict, int depth) {
    std::vector<std::pair<std::string_view, Value>> members;
    for (const auto& entry : dict.table().entries()) {
      if (!entry.key.is_valid()) continue;
      if (!entry.key.is_string()) {
        return fail(fmt::format("dict has {} key, want string", type_name(entry.key)));
      }
      members.emplace_back(entry.key.text(), entry.value);
    }
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    out_ += '{';
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out_ += ',';
      MISHAP_TRY(encode_member(members[i].first, members[i].second, depth,
                               fmt::format("in dict key {}", quote(members[i].first))));
    }
    out_ += '}';
    return {};
  }

  Result<void> encode_attributes(const Value& value, const std::vector<std::string>& names,
                                 int depth) {
    out_ += '{';
    for (size_t i = 0; i < names.size(); ++i) {
      if (i > 0) out_ += ',';
      MISHAP_ASSIGN(const Value field, attr(thread_, value, names[i]));
      MISHAP_TRY(encode_member(names[i], field, depth, fmt::format("in field .{}", names[i])));
    }
    out_ += '}';
    return {};
  }

  Result<void> encode_member(std::string_view name, const Value& value, int depth,
                             std::string_view where) {
    append_json_string(out_, name);
    out_ += ':';
    auto done = encode(value, depth + 1);
    if (!done) return fail(std::move(done).error().context(where));
    return {};
  }

  Result<void> encode_items(const Value& value, int depth) {
    out_ += '[';
    size_t position = 0;
    MISHAP_TRY(for_each_item(thread_, value, [&](const Value& item) -> Result<bool> {
      if (position > 0) out_ += ',';
      auto done = encode(item, depth + 1);
      if (!done) {
        return fail(std::move(done).error().context(
            fmt::format("at {} index {}", type_name(value), position)));
      }
      ++position;
      return true;
    }));
    out_ += ']';
    return {};
  }

  Thread& thread_;
  std::string out_;
  std::vector<const Object*> open_;  // the values around, outermost first
};

// JSON text laid out over lines; it is known to be well formed.
// Nothing when the result would be longer than `most`.
std::optional<std::string> indented(std::string_view json, std::string_view prefix,
                                    std::string_view step, uint64_t most) {
  std::string out;
  size_t depth = 0;
  const auto new_line = [&] {
    out.append("\n").append(prefix);
    for (size_t i = 0; i < depth; ++i) out += step;
  };
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (out.size() + prefix.size() + depth * step.size() > most) return std::nullopt;
    if (c == '"') {
      const size_t start = at++;
      while (json[at] != '"') at += json[at] == '\\' ? 2 : 1;
      out += json.substr(start, at + 1 - start);
    } else if (c == '{' || c == '[') {
      const size_t next = json.find_first_not_of(" \t\r\n", at + 1);
      out += c;
      if (json[next] == '}' || json[next] == ']') {
        out += json[next];
        at = next;
      } else {
        ++depth;
        new_line();
      }
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out += c;
    } else if (c == ',') {
      out += c;
      new_line();
    } else if (c == ':') {
      out += ": ";
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
      out += c;
    }
  }
  return out;
}

Result<std::string> encoded(CallContext& call) {
  Encoder encoder(call.thread());
  if (auto done = encoder.encode(call[0], 0); !done) return named(call, done.error());
  return encoder.take();
}

Result<Value> laid_out(const CallContext& call, std::string_view json) {
  const Heap& heap = call.heap();
  const uint64_t most =
      heap.limit() == 0 ? kMaxRepeat : std::min<uint64_t>(kMaxRepeat, heap.limit());
  const auto text =
      indented(json, call.has(1) ? call.text(1) : "", call.has(2) ? call.text(2) : "\t", most);
  if (!text) return call.error(fmt::format("excessive result size (more than {} bytes)", most));
  MISHAP_TRY(check_size(call, text->size()));
  return call.heap().string(*text);
}

Result<Value> encode(CallContext& call) {
  MISHAP_ASSIGN(const std::string json, encoded(call));
  return call.heap().string(json);
}

Result<Value> encode_indent(CallContext& call) {
  MISHAP_ASSIGN(const std::string json, encoded(call));
  return laid_out(call, json);
}

Result<Value> indent(CallContext& call) {
  auto value = decode_json(call.heap(), call.text(0), kMaxDepth, JsonErrors::kOfIndent);
  if (!value) return named(call, value.error());
  return laid_out(call, call.text(0));
}

Result<Value> decode(CallContext& call) {
  auto value = decode_json(call.heap(), call.text(0), kMaxDepth);
  if (value) return value;
  if (call.has(1)) return call[1];
  return named(call, value.error());
}

}  // namespace

Value make_json_module(Heap& heap) {
  const auto with_layout = [](Signature signature) {
    return std::move(signature)
        .keyword_only()
        .optional("prefix", types::kString)
        .optional("indent", types::kString);
  };
  return heap.make<NamespaceObject>(
      "json",
      std::vector<std::pair<std::string, Value>>{
          {"encode", make_builtin(heap, Signature("json.encode").required("x").numbered(), encode)},
          {"encode_indent",
           make_builtin(heap, with_layout(Signature("json.encode_indent").required("x").numbered()),
                        encode_indent)},
          {"indent",
           make_builtin(
               heap,
               with_layout(Signature("json.indent").required("str", types::kString).numbered()),
               indent)},
          {"decode",
           make_builtin(heap,
                        Signature("json.decode").required("x", types::kString).optional("default"),
                        decode)}});
}

}  // namespace mishap::starlark
