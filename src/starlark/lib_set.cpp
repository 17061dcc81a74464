// Methods of sets. Those that take another collection take any iterable; the operators want sets.
#include <fmt/format.h>

#include "lib.h"

namespace mishap::starlark {
namespace {

Result<Value> none_or_error(CallContext& call, Result<void> done) {
  if (!done) return named(call, done.error());
  return Value::none();
}

Result<void> add_all(Thread& thread, Set& set, const Value& items) {
  return for_each_item(thread, items, [&](const Value& item) -> Result<bool> {
    MISHAP_TRY(set.add(item));
    return true;
  });
}

// The number and the type of the first argument that is no iterable.
std::optional<std::pair<size_t, std::string_view>> not_iterable(const CallContext& call) {
  for (size_t i = 0; i < call.varargs().size(); ++i) {
    if (!is_iterable(call.varargs()[i])) return std::pair(i + 1, type_name(call.varargs()[i]));
  }
  return std::nullopt;
}

// The arguments of union and update: any number of iterables.
Result<void> check_united(const CallContext& call) {
  if (!call.kwargs().empty()) return call.error("does not accept keyword arguments");
  if (const auto wrong = not_iterable(call)) {
    return call.error(fmt::format("argument #{} is not iterable: {}", wrong->first, wrong->second));
  }
  return {};
}

// A new set with the items of `iterable`; a set is taken as it is.
Result<Value> as_set(CallContext& call, const Value& iterable) {
  if (iterable.is_set()) return iterable;
  Value result = call.heap().set();
  if (auto done = add_all(call.thread(), result.as<Set>(), iterable); !done) {
    return named(call, done.error());
  }
  return result;
}

// A new set of those items of `from` that `other` contains (wanted) or does not.
Result<Value> selected(CallContext& call, const Set& from, const Set& other, bool wanted) {
  Value result = call.heap().set();
  for (const Value& key : from.keys()) {
    MISHAP_ASSIGN(const bool contained, other.contains(key));
    if (contained == wanted) MISHAP_TRY(result.as<Set>().add(key));
  }
  return result;
}

Result<Value> add(CallContext& call) { return none_or_error(call, call.self<Set>().add(call[0])); }

Result<Value> clear(CallContext& call) { return none_or_error(call, call.self<Set>().clear()); }

Result<Value> discard(CallContext& call) {
  if (auto removed = call.self<Set>().remove(call[0]); !removed) {
    return named(call, removed.error());
  }
  return Value::none();
}

Result<Value> remove(CallContext& call) {
  auto removed = call.self<Set>().remove(call[0]);
  if (!removed) return named(call, removed.error());
  if (!*removed) return call.error("missing key");
  return Value::none();
}

Result<Value> pop(CallContext& call) {
  Set& set = call.self<Set>();
  const Table::Entry* first = set.table().first();
  if (first == nullptr) return call.error("empty set");
  Value key = first->key;
  if (auto removed = set.remove(key); !removed) return named(call, removed.error());
  return key;
}

Result<Value> copy_of(CallContext& call) {
  Value result = call.heap().set();
  MISHAP_TRY(add_all(call.thread(), result.as<Set>(), call.receiver()));
  return result;
}

Result<Value> union_of(CallContext& call) {
  MISHAP_TRY(check_united(call));
  MISHAP_ASSIGN(Value result, copy_of(call));
  for (const Value& other : call.varargs()) {
    if (auto done = add_all(call.thread(), result.as<Set>(), other); !done) {
      return named(call, done.error());
    }
  }
  return result;
}

Result<Value> update(CallContext& call) {
  MISHAP_TRY(check_united(call));
  for (const Value& other : call.varargs()) {
    // The items are read first: the other may be this very set.
    MISHAP_ASSIGN(const auto items, to_vector(call.thread(), other));
    for (const Value& item : items) {
      if (auto done = call.self<Set>().add(item); !done) return named(call, done.error());
    }
  }
  return Value::none();
}

Result<Value> reduced(CallContext& call, bool keep_contained) {
  if (const auto wrong = not_iterable(call)) {
    return call.error(
        fmt::format("for parameter {}: got {}, want iterable", wrong->first, wrong->second));
  }
  MISHAP_ASSIGN(Value result, copy_of(call));
  for (const Value& other : call.varargs()) {
    MISHAP_ASSIGN(const Value items, as_set(call, other));
    MISHAP_ASSIGN(result, selected(call, result.as<Set>(), items.as<Set>(), keep_contained));
  }
  return result;
}

Result<Value> symmetric_difference(CallContext& call) {
  MISHAP_ASSIGN(const Value other, as_set(call, call[0]));
  MISHAP_ASSIGN(Value result, selected(call, call.self<Set>(), other.as<Set>(), false));
  MISHAP_ASSIGN(const Value rest, selected(call, other.as<Set>(), call.self<Set>(), false));
  MISHAP_TRY(add_all(call.thread(), result.as<Set>(), rest));
  return result;
}

// The receiver gets the items of a new set, as those methods do that are named after another one.
Result<Value> take_items(CallContext& call, Result<Value> items) {
  MISHAP_ASSIGN(const Value taken, std::move(items));
  Set& set = call.self<Set>();
  if (auto open = set.check_mutable("update"); !open) return named(call, open.error());
  MISHAP_TRY(set.clear());
  MISHAP_TRY(add_all(call.thread(), set, taken));
  return Value::none();
}

// Whether every item of `small` is in `large`.
Result<Value> contained(const Set& small, const Set& large) {
  if (small.size() > large.size()) return Value::boolean(false);
  for (const Value& key : small.keys()) {
    MISHAP_ASSIGN(const bool found, large.contains(key));
    if (!found) return Value::boolean(false);
  }
  return Value::boolean(true);
}

Result<Value> issubset(CallContext& call) {
  MISHAP_ASSIGN(const Value other, as_set(call, call[0]));
  return contained(call.self<Set>(), other.as<Set>());
}

Result<Value> isdisjoint(CallContext& call) {
  MISHAP_ASSIGN(const Value other, as_set(call, call[0]));
  for (const Value& key : other.as<Set>().keys()) {
    MISHAP_ASSIGN(const bool common, call.self<Set>().contains(key));
    if (common) return Value::boolean(false);
  }
  return Value::boolean(true);
}

Result<Value> issuperset(CallContext& call) {
  MISHAP_ASSIGN(const Value other, as_set(call, call[0]));
  return contained(other.as<Set>(), call.self<Set>());
}

}  // namespace

void install_set(Library& library) {
  const auto method = [&](Signature signature, NativeFunction body) {
    library.method(Kind::kSet, std::move(signature), std::move(body));
  };
  const auto one = [](std::string name) {
    return Signature(std::move(name)).required("x").numbered();
  };
  const auto other = [](std::string name) {
    return Signature(std::move(name)).required("other", types::kIterable).numbered();
  };
  const auto others = [](std::string name) { return Signature(std::move(name)).varargs(); };
  method(one("add"), add);
  method(Signature("clear"), clear);
  method(others("difference"), [](CallContext& call) { return reduced(call, false); });
  method(others("difference_update"),
         [](CallContext& call) { return take_items(call, reduced(call, false)); });
  method(one("discard"), discard);
  method(others("intersection"), [](CallContext& call) { return reduced(call, true); });
  method(others("intersection_update"),
         [](CallContext& call) { return take_items(call, reduced(call, true)); });
  method(other("isdisjoint"), isdisjoint);
  method(other("issubset"), issubset);
  method(other("issuperset"), issuperset);
  method(Signature("pop"), pop);
  method(one("remove"), remove);
  method(other("symmetric_difference"), symmetric_difference);
  method(other("symmetric_difference_update"),
         [](CallContext& call) { return take_items(call, symmetric_difference(call)); });
  method(others("union").kwargs(), union_of);
  method(others("update").kwargs(), update);
}

}  // namespace mishap::starlark
