// Functions that every value is asked with: type, text, truth, length, attributes, hash; print and
// fail.
#include <fmt/format.h>

#include "mishap/starlark/interpreter.h"

#include "lib.h"
#include "utf8.h"

namespace mishap::starlark {
namespace {

std::string joined(std::span<const Value> values, std::string_view separator) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += separator;
    append_str(text, values[i]);
  }
  return text;
}

std::string_view separator_of(const CallContext& call) { return call.has(0) ? call.text(0) : " "; }

Result<Value> print(CallContext& call) {
  const std::string line = joined(call.varargs(), separator_of(call));
  Thread& thread = call.thread();
  const auto& hook = thread.print ? thread.print : thread.interpreter().print;
  if (hook) hook(thread, line);
  return Value::none();
}

Result<Value> fail_function(CallContext& call) {
  return call.error(joined(call.varargs(), separator_of(call)));
}

Result<Value> dir(CallContext& call) {
  std::vector<Value> names;
  for (const std::string& name : attr_names(call.thread(), call[0])) {
    names.push_back(call.heap().string(name));
  }
  return call.heap().list(std::move(names));
}

Result<Value> getattr(CallContext& call) {
  MISHAP_ASSIGN(Value found, find_attr(call.thread(), call[0], call.text(1)));
  if (found.is_valid()) return found;
  if (call.has(2)) return call[2];
  auto missing = attr(call.thread(), call[0], call.text(1));
  if (missing) return missing;
  return named(call, missing.error());
}

Result<Value> hasattr(CallContext& call) {
  MISHAP_ASSIGN(const Value found, find_attr(call.thread(), call[0], call.text(1)));
  return Value::boolean(found.is_valid());
}

Result<Value> hash_function(CallContext& call) {
  if (call[0].is_string()) return Value::integer(java_string_hash(call.text(0)));
  if (call[0].is_bytes()) return Value::integer(fnv1a(call.text(0)));
  return call.error(fmt::format("got {}, want string or bytes", type_name(call[0])));
}

Result<Value> len(CallContext& call) {
  if (const auto size = length(call[0])) return Value::integer(*size);
  return call.error(fmt::format("value of type {} has no len", type_name(call[0])));
}

bool quick_len(Heap&, const Value&, std::span<const Value> args, Value& result) {
  if (args.size() != 1) return false;
  const Value& what = args[0];
  if (what.is_string()) {
    result = Value::integer(static_cast<int64_t>(what.text().size()));
  } else if (what.is_list()) {
    result = Value::integer(static_cast<int64_t>(what.as<List>().size()));
  } else if (what.is_tuple()) {
    result = Value::integer(static_cast<int64_t>(what.as<Tuple>().size()));
  } else if (what.is_dict()) {
    result = Value::integer(static_cast<int64_t>(what.as<Dict>().size()));
  } else {
    return false;
  }
  return true;
}

// Bytes read as UTF-8, with U+FFFD for what is none.
std::string decoded(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for_each_rune(bytes, [&](Rune rune, size_t) { append_rune(text, rune.value); });
  return text;
}

Result<Value> str_function(CallContext& call) {
  if (call[0].is_string()) return call[0];
  if (call[0].is_bytes()) return call.heap().string(decoded(call.text(0)));
  const std::string text = str(call[0]);
  MISHAP_TRY(check_size(call, text.size()));
  return call.heap().string(text);
}

Result<Value> repr_function(CallContext& call) {
  const std::string text = repr(call[0]);
  MISHAP_TRY(check_size(call, text.size()));
  return call.heap().string(text);
}

// The bytes of bytes(iterable of ints).
Result<std::string> collect_bytes(CallContext& call) {
  std::string bytes;
  auto walked = for_each_item(call.thread(), call[0], [&](const Value& item) -> Result<bool> {
    if (!item.is_int()) {
      return call.error(
          fmt::format("at index {}, got {}, want int", bytes.size(), type_name(item)));
    }
    if (!item.is_int64() || item.as_int64() < 0 || item.as_int64() > 255) {
      return call.error(
          fmt::format("at index {}, {} out of range (want value in unsigned 8-bit range)",
                      bytes.size(), repr(item)));
    }
    bytes += static_cast<char>(item.as_int64());
    return true;
  });
  MISHAP_TRY(walked);
  return bytes;
}

Result<Value> bytes_function(CallContext& call) {
  if (call[0].is_bytes()) return call[0];
  if (call[0].is_string()) return call.heap().bytes(decoded(call.text(0)));
  if (!is_iterable(call[0])) {
    return call.error(
        fmt::format("got {}, want string, bytes, or iterable of ints", type_name(call[0])));
  }
  MISHAP_ASSIGN(const std::string bytes, collect_bytes(call));
  return call.heap().bytes(bytes);
}

}  // namespace

void install_universe(Library& library) {
  library.universe["None"] = Value::none();
  library.universe["True"] = Value::boolean(true);
  library.universe["False"] = Value::boolean(false);
  library.function(Signature("print").varargs().keyword_only().optional("sep", types::kString),
                   print);
  library.function(Signature("fail").varargs().keyword_only().optional("sep", types::kString),
                   fail_function);
  library.function(Signature("dir").required("x").plain(), dir);
  library.function(Signature("getattr")
                       .required("x")
                       .required("name", types::kString)
                       .optional("default")
                       .numbered(),
                   getattr);
  library.function(Signature("hasattr").required("x").required("name", types::kString).numbered(),
                   hasattr);
  library.function(Signature("hash").required("x").numbered(), hash_function);
  library.function(Signature("len").required("x").numbered(), len, quick_len);
  library.function(Signature("str").required("x").plain(true), str_function);
  library.function(Signature("bytes").required("x").plain(true), bytes_function);
  library.function(Signature("repr").required("x").numbered(), repr_function);
  library.function(
      Signature("type").required("x").plain(true),
      [](CallContext& call) -> Result<Value> { return call.heap().string(type_name(call[0])); });
  library.function(Signature("bool").optional("x").numbered(),
                   [](CallContext& call) -> Result<Value> {
                     return Value::boolean(call.has(0) && truth(call[0]));
                   });
}

}  // namespace mishap::starlark
