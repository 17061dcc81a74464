// Membership, indexing and slicing.
#include <algorithm>

#include <fmt/format.h>

#include "mishap/starlark/operations.h"
#include "mishap/starlark/thread.h"

#include "bounds.h"
#include "find.h"
#include "wide.h"

namespace mishap::starlark {

// --- membership

namespace {

Result<bool> items_contain(std::span<const Value> items, const Value& wanted) {
  for (const Value& item : items) {
    MISHAP_ASSIGN(const bool same, equals(item, wanted));
    if (!same) continue;
    MISHAP_TRY(count_work(static_cast<size_t>(&item - items.data())));
    return true;
  }
  MISHAP_TRY(count_work(items.size()));
  return false;
}

Result<bool> text_contains(const Value& container, const Value& item) {
  if (container.is_string()) {
    if (item.is_string()) return find_part(container.text(), item.text()) != kNotFound;
    return fail(
        fmt::format("'in <string>' requires string as left operand, not {}", type_name(item)));
  }
  if (item.is_bytes()) return find_part(container.text(), item.text()) != kNotFound;
  if (!item.is_int()) {
    return fail(
        fmt::format("'in bytes' requires bytes or int as left operand, not {}", type_name(item)));
  }
  if (!item.is_int64() || item.as_int64() < 0 || item.as_int64() > 255) {
    return fail(fmt::format("int in bytes: {} out of range (want value in unsigned 8-bit range)",
                            repr(item)));
  }
  return container.text().find(static_cast<char>(item.as_int64())) != std::string_view::npos;
}

Result<bool> range_contains(const Range& range, const Value& item) {
  if (item.is_float()) {
    const double number = item.as_double();
    if (number != static_cast<double>(static_cast<int64_t>(std::clamp(number, -9.0e18, 9.0e18))))
      return false;
    return range_contains(range, Value::integer(static_cast<int64_t>(number)));
  }
  if (!item.is_int()) {
    return fail(
        fmt::format("'in <range>' requires integer as left operand, not {}", type_name(item)));
  }
  if (!item.is_int64() || range.size == 0) return false;
  const Int128 distance = static_cast<Int128>(item.as_int64()) - range.start;
  if (distance % range.step != 0) return false;
  const Int128 position = distance / range.step;
  return position >= 0 && position < range.size;
}

}  // namespace

Result<bool> contains(Thread& thread, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      return text_contains(container, item);
    case Kind::kList:
      return items_contain(container.as<List>().items(), item);
    case Kind::kTuple:
      return items_contain(container.as<Tuple>().items(), item);
    case Kind::kDict: {
      // What cannot be a key is in no dict, as in the reference implementation. Sets refuse it.
      const auto found = container.as<Dict>().contains(item);
      return found && *found;
    }
    case Kind::kSet:
      return container.as<Set>().contains(item);
    case Kind::kRange:
      return range_contains(container.as<Range>(), item);
    case Kind::kHost: {
      MISHAP_ASSIGN(const auto found, container.as<HostObject>().contains(thread, item));
      if (found) return *found;
      break;
    }
    default:
      break;
  }
  return fail(fmt::format("unknown binary op: {} in {}", type_name(item), type_name(container)));
}

// --- indexing

namespace {

tl::unexpected<Error> out_of_range(const Value& container, int64_t index, int64_t size) {
  if (index < INT32_MIN || index > INT32_MAX)
    return fail(fmt::format("{} index: {} out of range", type_name(container), index));
  if (size == 0)
    return fail(fmt::format("{} index {} out of range: empty {}", type_name(container), index,
                            type_name(container)));
  return fail(fmt::format("{} index {} out of range [{}:{}]", type_name(container), index, -size,
                          size - 1));
}

// The position `key` means in a sequence of `size` items.
Result<int64_t> position_in(const Value& container, const Value& key, int64_t size) {
  if (!key.is_int())
    return fail(fmt::format("{} index: got {}, want int", type_name(container), type_name(key)));
  if (!key.is_int64())
    return fail(fmt::format("{} index: {} out of range", type_name(container), repr(key)));
  const int64_t index = key.as_int64() < 0 ? key.as_int64() + size : key.as_int64();
  if (index < 0 || index >= size) return out_of_range(container, key.as_int64(), size);
  return index;
}

Result<Value> dict_index(const Value& dict, const Value& key) {
  MISHAP_ASSIGN(const Value* found, dict.as<Dict>().get(key));
  if (found == nullptr) return fail(fmt::format("key {} not in dict", repr(key)));
  return *found;
}

Result<Value> host_index(Thread& thread, const Value& container, const Value& key) {
  auto& host = container.as<HostObject>();
  Value position = key;
  if (const auto size = host.length(); size && key.is_int64() && key.as_int64() < 0) {
    position = Value::integer(key.as_int64() + *size);
  }
  MISHAP_ASSIGN(Value found, host.index(thread, position));
  if (found.is_valid()) return found;
  return fail(
      fmt::format("unhandled index operation {}[{}]", type_name(container), type_name(key)));
}

}  // namespace

Result<Value> index(Thread& thread, const Value& container, const Value& key) {
  const int64_t size = length(container).value_or(0);
  switch (container.kind()) {
    case Kind::kDict:
      return dict_index(container, key);
    case Kind::kHost:
      return host_index(thread, container, key);
    case Kind::kList: {
      MISHAP_ASSIGN(const int64_t at, position_in(container, key, size));
      return container.as<List>()[static_cast<size_t>(at)];
    }
    case Kind::kTuple: {
      MISHAP_ASSIGN(const int64_t at, position_in(container, key, size));
      return container.as<Tuple>()[static_cast<size_t>(at)];
    }
    case Kind::kString: {
      MISHAP_ASSIGN(const int64_t at, position_in(container, key, size));
      return thread.heap().string(container.text().substr(static_cast<size_t>(at), 1));
    }
    case Kind::kBytes: {
      MISHAP_ASSIGN(const int64_t at, position_in(container, key, size));
      return thread.heap().bytes(container.text().substr(static_cast<size_t>(at), 1));
    }
    case Kind::kRange: {
      MISHAP_ASSIGN(const int64_t at, position_in(container, key, size));
      return Value::integer(container.as<Range>().at(at));
    }
    default:
      return fail(
          fmt::format("unhandled index operation {}[{}]", type_name(container), type_name(key)));
  }
}

Result<void> set_index(Thread& thread, const Value& container, const Value& key,
                       const Value& value) {
  switch (container.kind()) {
    case Kind::kDict:
      return container.as<Dict>().set(key, value);
    case Kind::kList: {
      auto& list = container.as<List>();
      if (!key.is_int()) return fail(fmt::format("list index: got {}, want int", type_name(key)));
      MISHAP_ASSIGN(const int64_t at,
                    position_in(container, key, static_cast<int64_t>(list.size())));
      return list.set(static_cast<size_t>(at), value);
    }
    case Kind::kHost:
      return container.as<HostObject>().set_index(thread, key, value);
    default:
      return fail(fmt::format("{} value does not support item assignment", type_name(container)));
  }
}

// --- slicing

namespace {

// A bound as the language clamps it: negative counts from the end, then into [lowest, highest].
Result<int64_t> clamped(const Value& bound, int64_t missing, int64_t length, int64_t lowest,
                        int64_t highest, std::string_view what) {
  if (bound.is_none() || !bound.is_valid()) return missing;
  if (!bound.is_int())
    return fail(fmt::format("invalid {} index: got {}, want int", what, type_name(bound)));
  if (!bound.is_int64()) return to_big(bound).sign() < 0 ? lowest : highest;
  int64_t at = bound.as_int64();
  if (at < 0) at = std::max(at, -length - 1) + length;
  return std::clamp(at, lowest, highest);
}

Value slice_items(Heap& heap, std::span<const Value> items, const SliceBounds& bounds,
                  bool is_list) {
  std::vector<Value> picked;
  picked.reserve(static_cast<size_t>(bounds.count));
  for (int64_t i = 0, at = bounds.start; i < bounds.count; ++i, at += bounds.step) {
    picked.push_back(items[static_cast<size_t>(at)]);
  }
  return is_list ? heap.list(std::move(picked)) : heap.tuple(picked);
}

Value slice_text(Heap& heap, const Value& text, const SliceBounds& bounds) {
  String* result = heap.new_string(static_cast<size_t>(bounds.count), text.kind());
  const char* from = text.text().data();
  if (bounds.step == 1) {
    std::memcpy(result->mutable_data(), from + bounds.start, static_cast<size_t>(bounds.count));
  } else {
    for (int64_t i = 0, at = bounds.start; i < bounds.count; ++i, at += bounds.step) {
      result->mutable_data()[i] = from[at];
    }
  }
  return Value(result);
}

Value slice_range(Heap& heap, const Range& range, const SliceBounds& bounds) {
  // What the new range stops at is where the old one's item of that position would be, if there is
  // such a number.
  const auto at = [&](int64_t index) {
    const Int128 item = range.start + static_cast<Int128>(index) * range.step;
    return static_cast<int64_t>(std::clamp<Int128>(item, INT64_MIN, INT64_MAX));
  };
  const Int128 step = static_cast<Int128>(range.step) * bounds.step;
  if (bounds.count == 0) return heap.range(at(bounds.start), at(bounds.start), 1);
  return heap.range(at(bounds.start), at(bounds.stop),
                    static_cast<int64_t>(std::clamp<Int128>(step, INT64_MIN, INT64_MAX)));
}

}  // namespace

Result<SliceBounds> slice_bounds(int64_t length, const Value& low, const Value& high,
                                 const Value& step_value) {
  int64_t step = 1;
  if (step_value.is_valid() && !step_value.is_none()) {
    if (!step_value.is_int()) {
      return fail(fmt::format("invalid slice step: got {}, want int", type_name(step_value)));
    }
    if (!step_value.is_int64()) {
      step = to_big(step_value).sign() < 0 ? -length - 1 : length + 1;
    } else {
      step = std::clamp(step_value.as_int64(), -length - 1, length + 1);
    }
    if (step_value.is_int64() && step_value.as_int64() == 0)
      return fail("zero is not a valid slice step");
  }
  SliceBounds bounds{};
  bounds.step = step;
  const bool forward = step > 0;
  const int64_t lowest = forward ? 0 : -1;
  const int64_t highest = forward ? length : length - 1;
  MISHAP_ASSIGN(bounds.start,
                clamped(low, forward ? lowest : highest, length, lowest, highest, "start"));
  MISHAP_ASSIGN(bounds.stop,
                clamped(high, forward ? highest : lowest, length, lowest, highest, "end"));
  if (forward && bounds.stop > bounds.start)
    bounds.count = (bounds.stop - bounds.start + step - 1) / step;
  if (!forward && bounds.stop < bounds.start)
    bounds.count = (bounds.start - bounds.stop - step - 1) / -step;
  if (bounds.count == 0) bounds.stop = bounds.start;
  return bounds;
}

Result<Value> slice(Thread& thread, const Value& container, const Value& low, const Value& high,
                    const Value& step) {
  Heap& heap = thread.heap();
  const auto size = container.is_host() || container.is_dict() || container.is_set()
                        ? std::nullopt
                        : length(container);
  if (!size) return fail(fmt::format("invalid slice operand {}", type_name(container)));
  MISHAP_ASSIGN(const SliceBounds bounds, slice_bounds(*size, low, high, step));
  switch (container.kind()) {
    case Kind::kList:
      return slice_items(heap, container.as<List>().items(), bounds, true);
    case Kind::kTuple:
      return slice_items(heap, container.as<Tuple>().items(), bounds, false);
    case Kind::kRange:
      return slice_range(heap, container.as<Range>(), bounds);
    default:
      return slice_text(heap, container, bounds);
  }
}

}  // namespace mishap::starlark
