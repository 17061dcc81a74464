// Methods that look for something in a string.
#include <fmt/format.h>

#include "find.h"
#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

std::string_view self_text(const CallContext& call) { return call.receiver().text(); }

// How often `wanted` occurs without overlap; between all code points when it is empty.
size_t count_of(std::string_view text, std::string_view wanted) {
  if (wanted.empty()) return count_runes(text) + 1;
  size_t count = 0;
  for (size_t at = find_part(text, wanted); at != kNotFound;
       at = find_part(text, wanted, at + wanted.size())) {
    ++count;
  }
  return count;
}

Result<Value> count(CallContext& call) {
  MISHAP_ASSIGN(const Span span, span_of(call, 1, self_text(call).size()));
  const auto part = self_text(call).substr(span.start, span.end - span.start);
  return Value::integer(static_cast<int64_t>(count_of(part, call.text(0))));
}

Result<Value> find(CallContext& call, bool last, bool must_exist) {
  MISHAP_ASSIGN(const Span span, span_of(call, 1, self_text(call).size()));
  const auto part = self_text(call).substr(span.start, span.end - span.start);
  const size_t at = last ? rfind_part(part, call.text(0)) : find_part(part, call.text(0));
  if (at != std::string_view::npos) return Value::integer(static_cast<int64_t>(at + span.start));
  if (must_exist) return call.error("substring not found");
  return Value::integer(-1);
}

// startswith and endswith: one affix, or a tuple of which any will do.
Result<Value> has_affix(CallContext& call, bool (*matches)(std::string_view, std::string_view)) {
  MISHAP_ASSIGN(const Span span, span_of(call, 1, self_text(call).size()));
  const auto part = self_text(call).substr(span.start, span.end - span.start);
  if (call[0].is_string()) return Value::boolean(matches(part, call.text(0)));
  bool found = false;
  if (!call[0].is_tuple()) {
    return call.error(fmt::format("got {}, want string or tuple of string", type_name(call[0])));
  }
  const auto affixes = call.object<Tuple>(0).items();
  for (size_t i = 0; i < affixes.size(); ++i) {
    const Value& affix = affixes[i];
    if (!affix.is_string()) {
      return call.error(fmt::format("want string, got {}, for element {}", type_name(affix), i));
    }
    found = found || matches(part, affix.text());
  }
  return Value::boolean(found);
}

template <bool prefix>
bool quick_affix(Heap&, const Value& text, std::span<const Value> args, Value& result) {
  if (args.size() != 1 || !args[0].is_string()) return false;
  const std::string_view whole = text.text();
  const std::string_view affix = args[0].text();
  // Most that differ do so in their first character.
  const size_t at = prefix ? 0 : whole.size() - affix.size();
  const bool is_so =
      affix.size() <= whole.size() &&
      (affix.empty() || (whole[at] == affix[0] && whole.substr(at, affix.size()) == affix));
  result = Value::boolean(is_so);
  return true;
}

Result<Value> removeprefix(CallContext& call) {
  const std::string_view text = self_text(call);
  if (call.text(0).empty() || !text.starts_with(call.text(0))) return call.receiver();
  return call.heap().string(text.substr(call.text(0).size()));
}

Result<Value> removesuffix(CallContext& call) {
  const std::string_view text = self_text(call);
  if (call.text(0).empty() || !text.ends_with(call.text(0))) return call.receiver();
  return call.heap().string(text.substr(0, text.size() - call.text(0).size()));
}

// `text` with `by` before each of its first `limit` code points, and at the end if the limit
// reaches so far.
std::string interleaved(std::string_view text, std::string_view by, uint64_t limit) {
  std::string out;
  uint64_t done = 0;
  for_each_rune(text, [&](Rune rune, size_t at) {
    if (done < limit) {
      out += by;
      ++done;
    }
    out += text.substr(at, rune.width);
  });
  if (done < limit) out += by;
  return out;
}

Result<Value> replace(CallContext& call) {
  const std::string_view text = self_text(call);
  const std::string_view old_part = call.text(0);
  const std::string_view new_part = call.text(1);
  int64_t wanted = call.has(2) ? call.integer(2) : -1;
  const auto present = static_cast<int64_t>(count_of(text, old_part));
  if (wanted < 0 || wanted > present) wanted = present;
  if (wanted == 0) return call.receiver();
  const auto times = static_cast<uint64_t>(wanted);
  MISHAP_TRY(check_size(call, text.size() - times * old_part.size() + times * new_part.size()));
  if (old_part.empty()) return call.heap().string(interleaved(text, new_part, times));
  std::string out;
  size_t from = 0;
  for (uint64_t i = 0; i < times; ++i) {
    const size_t at = find_part(text, old_part, from);
    out += text.substr(from, at - from);
    out += new_part;
    from = at + old_part.size();
  }
  out += text.substr(from);
  return call.heap().string(out);
}

}  // namespace

void install_string_search(Library& library) {
  const auto method = [&](Signature signature, NativeFunction body, QuickFunction quick = nullptr) {
    library.method(Kind::kString, std::move(signature), std::move(body), quick);
  };
  const auto ranged = [](std::string name, std::string what, const TypeSet& types) {
    return Signature(std::move(name))
        .required(std::move(what), types)
        .optional("start")
        .optional("end")
        .numbered();
  };
  method(ranged("count", "sub", types::kString), count);
  method(ranged("find", "sub", types::kString),
         [](CallContext& c) { return find(c, false, false); });
  method(ranged("index", "sub", types::kString),
         [](CallContext& c) { return find(c, false, true); });
  method(ranged("rfind", "sub", types::kString),
         [](CallContext& c) { return find(c, true, false); });
  method(ranged("rindex", "sub", types::kString),
         [](CallContext& c) { return find(c, true, true); });
  const TypeSet& affix = types::kAny;
  method(
      ranged("startswith", "prefix", affix),
      [](CallContext& c) {
        return has_affix(
            c, [](std::string_view text, std::string_view part) { return text.starts_with(part); });
      },
      quick_affix<true>);
  method(
      ranged("endswith", "suffix", affix),
      [](CallContext& c) {
        return has_affix(
            c, [](std::string_view text, std::string_view part) { return text.ends_with(part); });
      },
      quick_affix<false>);
  method(Signature("removeprefix").required("prefix", types::kString).numbered(), removeprefix);
  method(Signature("removesuffix").required("suffix", types::kString).numbered(), removesuffix);
  method(Signature("replace")
             .required("old", types::kString)
             .required("new", types::kString)
             .optional("count", types::kInt)
             .numbered(),
         replace);
}

}  // namespace mishap::starlark
