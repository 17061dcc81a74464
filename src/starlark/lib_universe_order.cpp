// sorted, min, max.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/starlark/thread.h"

#include "lib.h"

namespace mishap::starlark {
namespace {

// An item and what it is ordered by.
struct Keyed {
  Value key;
  Value item;
};

Result<Value> key_of(CallContext& call, const Value& function, const Value& item) {
  if (!function.is_valid()) return item;
  return call.thread().call(function, {item});
}

// Whether all keys are numbers without NaN troubles, or all strings: they are compared without
// Results then.
enum class KeyKind { kSmallInts, kStrings, kOther };

KeyKind kind_of(const std::vector<Keyed>& rows) {
  const auto all = [&](Kind kind) {
    return std::all_of(rows.begin(), rows.end(),
                       [kind](const Keyed& row) { return row.key.kind() == kind; });
  };
  if (all(Kind::kInt)) return KeyKind::kSmallInts;
  if (all(Kind::kString)) return KeyKind::kStrings;
  return KeyKind::kOther;
}

template <class Less>
void stable_sort(std::vector<Keyed>& rows, bool descending, Less less) {
  std::stable_sort(rows.begin(), rows.end(), [&](const Keyed& a, const Keyed& b) {
    return descending ? less(b.key, a.key) : less(a.key, b.key);
  });
}

// Merges the sorted halves [first, middle) and [middle, last) of `rows`. Unlike std::stable_sort
// this is safe with an order that fails or contradicts itself, as a host type's may.
Result<void> merge(std::vector<Keyed>& rows, std::vector<Keyed>& buffer, size_t first,
                   size_t middle, size_t last, bool descending) {
  size_t left = first;
  size_t right = middle;
  size_t out = first;
  while (left < middle && right < last) {
    MISHAP_ASSIGN(const int order, compare(rows[right].key, rows[left].key, "<"));
    const bool take_right = descending ? order > 0 : order < 0;
    buffer[out++] = std::move(rows[take_right ? right++ : left++]);
  }
  std::move(rows.begin() + static_cast<ptrdiff_t>(left),
            rows.begin() + static_cast<ptrdiff_t>(middle),
            buffer.begin() + static_cast<ptrdiff_t>(out));
  out += middle - left;
  std::move(rows.begin() + static_cast<ptrdiff_t>(right),
            rows.begin() + static_cast<ptrdiff_t>(last),
            buffer.begin() + static_cast<ptrdiff_t>(out));
  std::move(buffer.begin() + static_cast<ptrdiff_t>(first),
            buffer.begin() + static_cast<ptrdiff_t>(last),
            rows.begin() + static_cast<ptrdiff_t>(first));
  return {};
}

Result<void> merge_sort(std::vector<Keyed>& rows, bool descending) {
  std::vector<Keyed> buffer(rows.size());
  for (size_t width = 1; width < rows.size(); width *= 2) {
    for (size_t first = 0; first + width < rows.size(); first += 2 * width) {
      const size_t last = std::min(first + 2 * width, rows.size());
      MISHAP_TRY(merge(rows, buffer, first, first + width, last, descending));
    }
  }
  return {};
}

Result<void> sort_rows(std::vector<Keyed>& rows, bool descending) {
  switch (kind_of(rows)) {
    case KeyKind::kSmallInts:
      stable_sort(rows, descending,
                  [](const Value& a, const Value& b) { return a.as_int64() < b.as_int64(); });
      return {};
    case KeyKind::kStrings:
      stable_sort(rows, descending,
                  [](const Value& a, const Value& b) { return a.text() < b.text(); });
      return {};
    case KeyKind::kOther:
      return merge_sort(rows, descending);
  }
  return {};
}

Result<Value> sorted(CallContext& call) {
  MISHAP_ASSIGN(auto items, to_vector(call.thread(), call[0]));
  std::vector<Keyed> rows;
  rows.reserve(items.size());
  for (Value& item : items) {
    MISHAP_ASSIGN(Value key, key_of(call, call[1], item));
    rows.push_back({std::move(key), std::move(item)});
  }
  if (auto done = sort_rows(rows, call.has(2) && call.boolean(2)); !done) {
    return named(call, done.error());
  }
  std::vector<Value> result;
  result.reserve(rows.size());
  for (Keyed& row : rows) result.push_back(std::move(row.item));
  return call.heap().list(std::move(result));
}

// max (sign 1) or min (sign -1); the first of equals wins.
Result<Value> extreme(CallContext& call, int sign) {
  auto candidates = call.varargs();
  if (candidates.empty())
    return fail(fmt::format("{} requires at least one positional argument", call.name()));
  std::vector<Value> items;
  if (candidates.size() == 1) {
    if (!is_iterable(candidates[0])) {
      return call.error(fmt::format("{} value is not iterable", type_name(candidates[0])));
    }
    MISHAP_ASSIGN(items, to_vector(call.thread(), candidates[0]));
    candidates = items;
    if (candidates.empty()) return call.error("argument is an empty sequence");
  }
  Keyed best;
  for (const Value& item : candidates) {
    MISHAP_ASSIGN(Value key, key_of(call, call[0], item));
    if (best.item.is_valid()) {
      auto order = compare(key, best.key, sign > 0 ? ">" : "<");
      if (!order) return named(call, order.error());
      if (*order * sign <= 0) continue;
    }
    best = {std::move(key), item};
  }
  return best.item;
}

}  // namespace

void install_universe_order(Library& library) {
  library.function(Signature("sorted")
                       .required("iterable", types::kIterable)
                       .nullable("key", types::kCallable)
                       .optional("reverse", types::kBool),
                   sorted);
  for (const int sign : {1, -1}) {
    library.function(Signature(sign > 0 ? "max" : "min")
                         .varargs()
                         .keyword_only()
                         .nullable("key", types::kCallable),
                     [sign](CallContext& call) { return extreme(call, sign); });
  }
}

}  // namespace mishap::starlark
