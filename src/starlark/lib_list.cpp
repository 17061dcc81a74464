#include <algorithm>

#include <fmt/format.h>

#include "lib.h"

namespace mishap::starlark {
namespace {

// Runs `change` on the list; its error gets the method's name.
Result<Value> changed(CallContext& call, Result<void> change) {
  if (!change) return named(call, change.error());
  return Value::none();
}

Result<Value> append(CallContext& call) { return changed(call, call.self<List>().append(call[0])); }

bool quick_append(Heap&, const Value& list, std::span<const Value> args, Value& result) {
  if (args.size() != 1 || !list.as<List>().quick_append(args[0])) return false;
  result = Value::none();
  return true;
}

Result<Value> clear(CallContext& call) { return changed(call, call.self<List>().clear()); }

Result<Value> extend(CallContext& call) {
  List& list = call.self<List>();
  if (auto open = list.check_mutable("extend"); !open) return named(call, open.error());
  if (call[0].is_list()) return changed(call, list.extend(call.object<List>(0).items()));
  MISHAP_ASSIGN(const auto items, to_vector(call.thread(), call[0]));
  return changed(call, list.extend(items));
}

// A position from the end when negative, clamped to the list.
size_t clamped(int64_t position, size_t size) {
  const auto length = static_cast<int64_t>(size);
  if (position < 0) position += length;
  return static_cast<size_t>(std::clamp<int64_t>(position, 0, length));
}

Result<Value> index_of(CallContext& call) {
  const List& list = call.self<List>();
  MISHAP_ASSIGN(const Span span, span_of(call, 1, list.size()));
  for (size_t i = span.start; i < std::min(span.end, list.size()); ++i) {
    MISHAP_ASSIGN(const bool same, equals(list[i], call[0]));
    if (!same) continue;
    MISHAP_TRY(count_work(i - span.start));
    return Value::integer(static_cast<int64_t>(i));
  }
  MISHAP_TRY(count_work(list.size()));
  return call.error("value not in list");
}

Result<Value> insert(CallContext& call) {
  List& list = call.self<List>();
  const size_t at = clamped(call.integer(0), list.size());
  note_bytes((list.size() - at) * sizeof(Value));
  return changed(call, list.insert(at, call[1]));
}

Result<Value> pop(CallContext& call) {
  List& list = call.self<List>();
  const auto size = static_cast<int64_t>(list.size());
  int64_t position = -1;
  if (call.has(0)) {
    MISHAP_ASSIGN(position, call.to_int64(0));
  }
  const int64_t found = position < 0 ? position + size : position;
  if (found < 0 || found >= size) return call.error(out_of_range("list", position, list.size()));
  note_bytes(static_cast<size_t>(size - found) * sizeof(Value));
  auto removed = list.remove(static_cast<size_t>(found));
  if (!removed) return named(call, removed.error());
  return removed;
}

Result<Value> remove(CallContext& call) {
  List& list = call.self<List>();
  if (auto open = list.check_mutable("remove from"); !open) return named(call, open.error());
  for (size_t i = 0; i < list.size(); ++i) {
    MISHAP_ASSIGN(const bool same, equals(list[i], call[0]));
    if (!same) continue;
    MISHAP_TRY(count_work(list.size()));
    MISHAP_TRY(list.remove(i));
    return Value::none();
  }
  return call.error("element not found");
}

}  // namespace

void install_list(Library& library) {
  library.method(Kind::kList, Signature("append").required("object").numbered(), append,
                 quick_append);
  library.method(Kind::kList, Signature("clear"), clear);
  library.method(Kind::kList, Signature("extend").required("iterable", types::kIterable).numbered(),
                 extend);
  library.method(Kind::kList,
                 Signature("index").required("value").optional("start").optional("end").numbered(),
                 index_of);
  library.method(Kind::kList,
                 Signature("insert").required("index", types::kInt).required("object").numbered(),
                 insert);
  library.method(Kind::kList, Signature("pop").optional("index", types::kInt).numbered(), pop);
  library.method(Kind::kList, Signature("remove").required("value").numbered(), remove);
}

}  // namespace mishap::starlark
