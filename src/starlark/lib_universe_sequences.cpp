// Containers from iterables, and walks over them.
#include <fmt/format.h>

#include "lib.h"

namespace mishap::starlark {
namespace {

// any (wanted = true) and all (wanted = false): whether some item has that truth.
Result<bool> has_item(CallContext& call, bool wanted) {
  bool found = false;
  auto walked = for_each_item(call.thread(), call[0], [&](const Value& item) -> Result<bool> {
    found = truth(item) == wanted;
    return !found;
  });
  MISHAP_TRY(walked);
  return found;
}

Result<Value> any(CallContext& call) {
  MISHAP_ASSIGN(const bool found, has_item(call, true));
  return Value::boolean(found);
}

Result<Value> all(CallContext& call) {
  MISHAP_ASSIGN(const bool found, has_item(call, false));
  return Value::boolean(!found);
}

Result<Value> list_function(CallContext& call) {
  if (!call.has(0)) return call.heap().list();
  MISHAP_ASSIGN(auto items, to_vector(call.thread(), call[0]));
  return call.heap().list(std::move(items));
}

Result<Value> tuple_function(CallContext& call) {
  if (!call.has(0)) return call.heap().tuple(std::span<const Value>());
  if (call[0].is_tuple()) return call[0];
  MISHAP_ASSIGN(auto items, to_vector(call.thread(), call[0]));
  return call.heap().tuple(items);
}

Result<Value> set_function(CallContext& call) {
  Value result = call.heap().set();
  if (!call.has(0)) return result;
  auto walked = for_each_item(call.thread(), call[0], [&](const Value& item) -> Result<bool> {
    MISHAP_TRY(result.as<Set>().add(item));
    return true;
  });
  if (!walked) return named(call, walked.error());
  return result;
}

Result<Value> dict_function(CallContext& call) {
  Value result = call.heap().dict();
  MISHAP_TRY(update_dict(call, result.as<Dict>(), call[0]));
  return result;
}

Result<Value> enumerate(CallContext& call) {
  BigInt big_start = call.has(1) ? to_big(call[1]) : BigInt(0);
  std::vector<Value> pairs;
  int64_t number = 0;
  const auto small_start = big_start.to_int64();
  auto walked = for_each_item(call.thread(), call[0], [&](const Value& item) -> Result<bool> {
    int64_t sum = 0;
    const bool small = small_start && !__builtin_add_overflow(*small_start, number, &sum);
    const Value position =
        small ? Value::integer(sum) : call.heap().integer(big_start + BigInt(number));
    ++number;
    pairs.push_back(call.heap().tuple({position, item}));
    return true;
  });
  MISHAP_TRY(walked);
  return call.heap().list(std::move(pairs));
}

Result<Value> reversed(CallContext& call) {
  MISHAP_ASSIGN(auto items, to_vector(call.thread(), call[0]));
  return call.heap().list(std::vector<Value>(items.rbegin(), items.rend()));
}

Result<Value> range(CallContext& call) {
  MISHAP_ASSIGN(int64_t start, call.to_int64(0));
  int64_t stop = start;
  int64_t step = 1;
  if (call.has(1)) {
    MISHAP_ASSIGN(stop, call.to_int64(1));
  } else {
    start = 0;
  }
  if (call.has(2)) {
    MISHAP_ASSIGN(step, call.to_int64(2));
  }
  if (step == 0) return call.error("step argument must not be zero");
  return call.heap().range(start, stop, step);
}

Result<Value> zip(CallContext& call) {
  const auto columns = call.varargs();
  if (columns.empty()) return call.heap().list();
  std::vector<Iteration> walks;
  walks.reserve(columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (!is_iterable(columns[i])) {
      return call.error(
          fmt::format("argument #{} is not iterable: {}", i + 1, type_name(columns[i])));
    }
    MISHAP_ASSIGN(auto walk, Iteration::start(call.thread(), columns[i]));
    walks.push_back(std::move(walk));
  }
  std::vector<Value> rows;
  std::vector<Value> row(columns.size());
  while (true) {
    for (size_t i = 0; i < walks.size(); ++i) {
      MISHAP_ASSIGN(row[i], walks[i].next());
      if (!row[i].is_valid()) return call.heap().list(std::move(rows));
    }
    rows.push_back(call.heap().tuple(row));
    if (call.heap().exceeded()) return call.error("memory limit exceeded");
  }
}

}  // namespace

void install_universe_sequences(Library& library) {
  library.function(Signature("any").required("x", types::kIterable).numbered(), any);
  library.function(Signature("all").required("x", types::kIterable).numbered(), all);
  library.function(Signature("list").optional("x", types::kIterable).numbered(), list_function);
  library.function(Signature("tuple").optional("x", types::kIterable).numbered(), tuple_function);
  library.function(Signature("set").optional("x", types::kIterable).numbered(), set_function);
  library.function(Signature("dict").optional("pairs").positional_only().kwargs(), dict_function);
  library.function(Signature("enumerate")
                       .required("x", types::kIterable)
                       .numbered()
                       .optional("start", types::kInt),
                   enumerate);
  library.function(Signature("reversed").required("x", types::kIterable).numbered(), reversed);
  library.function(Signature("range")
                       .required("start_or_stop", types::kInt)
                       .optional("stop", types::kInt)
                       .optional("step", types::kInt)
                       .numbered(),
                   range);
  library.function(Signature("zip").plain().varargs(), zip);
}

}  // namespace mishap::starlark
