// sorted, min, max.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "mishap/starlark/thread.h"

#include "lib.h"

namespace mishap::starlark {
namespace {

Result<Value> key_of(CallContext& call, const Value& function, const Value& item) {
  if (!function.is_valid()) return item;
  return call.thread().call(function, {item});
}

// One row of a sort: what it is ordered by as far as 64 bits tell, and its number.
struct Rank {
  uint64_t key;
  size_t row;
};

// Sorts by the keys, equal ones in the order they had: a byte at a time from the lowest, leaving
// out the bytes in which all keys agree.
void sort_by_key(std::vector<Rank>& ranks) {
  constexpr size_t kFew = 64;
  if (ranks.size() <= kFew) {
    std::stable_sort(ranks.begin(), ranks.end(),
                     [](const Rank& a, const Rank& b) { return a.key < b.key; });
    return;
  }
  std::vector<Rank> sorted(ranks.size());
  for (unsigned shift = 0; shift < 64; shift += 8) {
    std::array<size_t, 256> starts{};
    for (const Rank& rank : ranks) ++starts[rank.key >> shift & 0xFF];
    if (starts[ranks[0].key >> shift & 0xFF] == ranks.size()) continue;
    size_t before = 0;
    for (size_t& start : starts) before += std::exchange(start, before);
    for (const Rank& rank : ranks) sorted[starts[rank.key >> shift & 0xFF]++] = rank;
    ranks.swap(sorted);
  }
}

// The first eight bytes, so that the order of the numbers is that of the texts where they differ.
uint64_t leading_bytes(std::string_view text) {
  uint64_t key = 0;
  for (size_t i = 0; i < 8; ++i)
    key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
  return key;
}

template <class Key>
std::vector<Rank> ranks_of(std::span<const Value> keys, bool descending, Key key) {
  std::vector<Rank> ranks(keys.size());
  for (size_t i = 0; i < keys.size(); ++i)
    ranks[i] = {descending ? ~key(keys[i]) : key(keys[i]), i};
  sort_by_key(ranks);
  return ranks;
}

std::vector<Rank> rank_ints(std::span<const Value> keys, bool descending) {
  return ranks_of(keys, descending, [](const Value& key) {
    return static_cast<uint64_t>(key.as_int64()) ^ uint64_t { 1 } << 63;
  });
}

std::vector<Rank> rank_texts(std::span<const Value> keys, bool descending) {
  auto ranks =
      ranks_of(keys, descending, [](const Value& key) { return leading_bytes(key.text()); });
  // Runs that begin alike are ordered by the whole texts.
  for (auto first = ranks.begin(); first != ranks.end();) {
    const auto last =
        std::find_if(first, ranks.end(), [&](const Rank& rank) { return rank.key != first->key; });
    if (last - first > 1) {
      std::stable_sort(first, last, [&](const Rank& a, const Rank& b) {
        const auto left = keys[a.row].text();
        const auto right = keys[b.row].text();
        return descending ? right < left : left < right;
      });
    }
    first = last;
  }
  return ranks;
}

// Merges the sorted halves [first, middle) and [middle, last) of `rows`. Unlike std::stable_sort
// this is safe with an order that fails or contradicts itself, as a host type's may.
Result<void> merge(std::span<const Value> keys, std::vector<Rank>& rows, std::vector<Rank>& buffer,
                   size_t first, size_t middle, size_t last, bool descending) {
  size_t left = first;
  size_t right = middle;
  size_t out = first;
  MISHAP_TRY(count_work(last - first));
  while (left < middle && right < last) {
    MISHAP_ASSIGN(const int order, compare(keys[rows[right].row], keys[rows[left].row], "<"));
    const bool take_right = descending ? order > 0 : order < 0;
    buffer[out++] = rows[take_right ? right++ : left++];
  }
  const auto at = [&](size_t index) { return rows.begin() + static_cast<ptrdiff_t>(index); };
  const auto into = buffer.begin() + static_cast<ptrdiff_t>(out);
  std::copy(at(right), at(last), std::copy(at(left), at(middle), into));
  std::copy(buffer.begin() + static_cast<ptrdiff_t>(first),
            buffer.begin() + static_cast<ptrdiff_t>(last), at(first));
  return {};
}

Result<std::vector<Rank>> rank_any(std::span<const Value> keys, bool descending) {
  std::vector<Rank> rows(keys.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = {0, i};
  std::vector<Rank> buffer(rows.size());
  for (size_t width = 1; width < rows.size(); width *= 2) {
    for (size_t first = 0; first + width < rows.size(); first += 2 * width) {
      const size_t last = std::min(first + 2 * width, rows.size());
      MISHAP_TRY(merge(keys, rows, buffer, first, first + width, last, descending));
    }
  }
  return rows;
}

// The order of the keys, equal ones as they are. Small integers and strings are compared without
// asking what they are each time.
Result<std::vector<Rank>> rank(std::span<const Value> keys, bool descending) {
  const auto all = [&](Kind kind) {
    return std::all_of(keys.begin(), keys.end(),
                       [kind](const Value& key) { return key.kind() == kind; });
  };
  if (all(Kind::kInt)) return rank_ints(keys, descending);
  if (all(Kind::kString)) return rank_texts(keys, descending);
  return rank_any(keys, descending);
}

Result<Value> sorted(CallContext& call) {
  MISHAP_ASSIGN(auto items, to_vector(call.thread(), call[0]));
  std::vector<Value> keys;
  if (call.has(1)) {
    // The function may not change what is being sorted.
    MISHAP_ASSIGN(const auto walk, Iteration::start(call.thread(), call[0]));
    keys.reserve(items.size());
    for (const Value& item : items) {
      MISHAP_ASSIGN(Value key, key_of(call, call[1], item));
      keys.push_back(std::move(key));
    }
  }
  const auto ranks = rank(call.has(1) ? keys : items, call.has(2) && call.boolean(2));
  if (!ranks) return named(call, ranks.error());
  std::vector<Value> result;
  result.reserve(items.size());
  for (const Rank& rank : *ranks) result.push_back(std::move(items[rank.row]));
  return call.heap().list(std::move(result));
}

// max (sign 1) or min (sign -1); the first of equals wins.
Result<Value> extreme(CallContext& call, int sign) {
  auto candidates = call.varargs();
  if (candidates.empty())
    return fail(fmt::format("{} requires at least one positional argument", call.name()));
  std::vector<Value> items;
  std::optional<Iteration> walk;  // the function may not change what is being searched
  if (candidates.size() == 1) {
    if (!is_iterable(candidates[0])) {
      return call.error(fmt::format("{} value is not iterable", type_name(candidates[0])));
    }
    MISHAP_ASSIGN(items, to_vector(call.thread(), candidates[0]));
    if (call.has(0)) {
      MISHAP_ASSIGN(walk, Iteration::start(call.thread(), call.varargs()[0]));
    }
    candidates = items;
    if (candidates.empty()) return call.error("argument is an empty sequence");
  }
  Value best;
  Value best_key;
  for (const Value& item : candidates) {
    MISHAP_ASSIGN(Value key, key_of(call, call[0], item));
    if (best.is_valid()) {
      auto order = compare(key, best_key, sign > 0 ? ">" : "<");
      if (!order) return named(call, order.error());
      if (*order * sign <= 0) continue;
    }
    best_key = std::move(key);
    best = item;
  }
  return best;
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
