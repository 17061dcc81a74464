#include <fmt/format.h>

#include "lib.h"

namespace mishap::starlark {
namespace {

// Sets dict[pair[0]] = pair[1], where `pair` is element number `position` of what is read.
Result<void> set_pair(Thread& thread, Dict& dict, const Value& pair, size_t position) {
  if (!is_iterable(pair)) {
    return fail(fmt::format("dictionary update sequence element #{} is not iterable ({})", position,
                            type_name(pair)));
  }
  const auto size = length(pair);
  if (!size) {
    return fail(fmt::format("dictionary update sequence element #{} has unknown length ({})",
                            position, type_name(pair)));
  }
  if (*size != 2) {
    return fail(fmt::format("dictionary update sequence element #{} has length {}, want 2",
                            position, *size));
  }
  MISHAP_ASSIGN(auto halves, to_vector(thread, pair));
  return dict.set(halves.at(0), halves.at(1));
}

Result<void> set_pairs(Thread& thread, Dict& dict, const Value& updates) {
  if (updates.is_dict()) return dict.update(updates.as<Dict>());
  if (!is_iterable(updates)) {
    return fail(fmt::format("got {}, want iterable", type_name(updates)));
  }
  size_t position = 0;
  return for_each_item(thread, updates, [&](const Value& pair) -> Result<bool> {
    MISHAP_TRY(set_pair(thread, dict, pair, position++));
    return true;
  });
}

Result<Value> clear(CallContext& call) {
  if (auto done = call.self<Dict>().clear(); !done) return named(call, done.error());
  return Value::none();
}

Result<Value> get(CallContext& call) {
  auto found = call.self<Dict>().get(call[0]);
  if (!found) return named(call, found.error());
  if (*found != nullptr) return **found;
  return call.has(1) ? call[1] : Value::none();
}

bool quick_get(Heap&, const Value& dict, std::span<const Value> args, Value& result) {
  if (args.empty() || args.size() > 2) return false;
  const auto key_hash = quick_hash(args[0]);
  if (!key_hash) return false;
  const Table::Entry* found = dict.as<Dict>().table().find(args[0], *key_hash);
  result = found != nullptr ? found->value : args.size() == 2 ? args[1] : Value::none();
  return true;
}

Result<Value> keys(CallContext& call) { return call.heap().list(call.self<Dict>().keys()); }

Result<Value> values(CallContext& call) {
  std::vector<Value> values;
  values.reserve(call.self<Dict>().size());
  for (const auto& entry : call.self<Dict>().table().entries()) {
    if (entry.key.is_valid()) values.push_back(entry.value);
  }
  return call.heap().list(std::move(values));
}

Result<Value> items(CallContext& call) {
  std::vector<Value> pairs;
  pairs.reserve(call.self<Dict>().size());
  for (const auto& entry : call.self<Dict>().table().entries()) {
    if (entry.key.is_valid()) pairs.push_back(call.heap().tuple({entry.key, entry.value}));
  }
  return call.heap().list(std::move(pairs));
}

Result<Value> pop(CallContext& call) {
  auto removed = call.self<Dict>().remove(call[0]);
  if (!removed) return named(call, removed.error());
  if (removed->is_valid()) return removed;
  if (call.has(1)) return call[1];
  return call.error("missing key");
}

Result<Value> popitem(CallContext& call) {
  Dict& dict = call.self<Dict>();
  const Table::Entry* first = dict.table().first();
  if (first == nullptr) return call.error("empty dict");
  Value pair = call.heap().tuple({first->key, first->value});
  if (auto removed = dict.remove(pair.as<Tuple>()[0]); !removed) {
    return named(call, removed.error());
  }
  return pair;
}

Result<Value> setdefault(CallContext& call) {
  Dict& dict = call.self<Dict>();
  auto found = dict.get(call[0]);
  if (!found) return named(call, found.error());
  if (*found != nullptr) return **found;
  Value value = call.has(1) ? call[1] : Value::none();
  if (auto done = dict.set(call[0], value); !done) return named(call, done.error());
  return value;
}

Result<Value> update(CallContext& call) {
  MISHAP_TRY(update_dict(call, call.self<Dict>(), call[0]));
  return Value::none();
}

}  // namespace

Result<void> update_dict(CallContext& call, Dict& dict, const Value& updates) {
  if (updates.is_valid()) {
    if (auto done = set_pairs(call.thread(), dict, updates); !done) {
      return named(call, done.error());
    }
  }
  for (const KeywordArg& keyword : call.kwargs()) {
    if (auto done = dict.set(keyword.name, keyword.value); !done) {
      return named(call, done.error());
    }
  }
  return {};
}

void install_dict(Library& library) {
  const auto method = [&](Signature signature, NativeFunction body) {
    library.method(Kind::kDict, std::move(signature), std::move(body));
  };
  method(Signature("clear"), clear);
  library.method(Kind::kDict, Signature("get").required("key").optional("default").numbered(), get,
                 quick_get);
  method(Signature("items"), items);
  method(Signature("keys"), keys);
  method(Signature("pop").required("key").optional("default").numbered(), pop);
  method(Signature("popitem"), popitem);
  method(Signature("setdefault").required("key").optional("default").numbered(), setdefault);
  method(Signature("update").optional("pairs").positional_only().kwargs(), update);
  method(Signature("values"), values);
}

}  // namespace mishap::starlark
