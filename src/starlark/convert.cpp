#include "mishap/starlark/convert.h"

#include <fmt/format.h>

#include "mishap/starlark/heap.h"
#include "mishap/starlark/operations.h"

namespace mishap::starlark {
namespace {

constexpr int kMaxDepth = 500;

Result<Json> convert(const Value& value, int depth);

// Where a value that cannot be converted is: the path grows from the inside out.
tl::unexpected<Error> inside(std::string step, Error error) {
  constexpr std::string_view kAt = "at ";
  if (error.message.starts_with(kAt)) {
    error.message.insert(kAt.size(), step);
  } else {
    error.message = fmt::format("at {}: {}", step, error.message);
  }
  return fail(std::move(error));
}

Result<Json> convert_items(std::span<const Value> items, int depth) {
  Json array = Json::array();
  for (size_t i = 0; i < items.size(); ++i) {
    auto item = convert(items[i], depth);
    if (!item) return inside(fmt::format("[{}]", i), std::move(item).error());
    array.push_back(std::move(*item));
  }
  return array;
}

Result<Json> convert_dict(const Dict& dict, int depth) {
  Json object = Json::object();
  for (const Table::Entry& entry : dict.table().entries()) {
    if (!entry.key.is_valid()) continue;
    if (!entry.key.is_string())
      return fail(fmt::format("dict has {} key, want string", type_name(entry.key)));
    auto item = convert(entry.value, depth);
    if (!item) return inside(fmt::format(".{}", entry.key.text()), std::move(item).error());
    object[std::string(entry.key.text())] = std::move(*item);
  }
  return object;
}

Result<Json> convert(const Value& value, int depth) {
  if (depth <= 0) return fail("nested too deep to convert to JSON");
  switch (value.kind()) {
    case Kind::kNone:
      return Json(nullptr);
    case Kind::kBool:
      return Json(value.as_bool());
    case Kind::kInt:
      return Json(value.as_int64());
    case Kind::kBigInt: {
      const BigInt& number = value.as<BigIntObject>().number;
      if (auto fits = number.to_uint64()) return Json(*fits);
      return Json(number.to_double());
    }
    case Kind::kFloat:
      return Json(value.as_double());
    case Kind::kString:
    case Kind::kBytes:
      return Json(std::string(value.text()));
    case Kind::kList:
      return convert_items(value.as<List>().items(), depth - 1);
    case Kind::kTuple:
      return convert_items(value.as<Tuple>().items(), depth - 1);
    case Kind::kSet:
      return convert_items(value.as<Set>().keys(), depth - 1);
    case Kind::kRange: {
      Json array = Json::array();
      const auto& range = value.as<Range>();
      if (range.size > kMaxRepeat) return fail("range too long to convert to JSON");
      for (int64_t i = 0; i < range.size; ++i) array.push_back(range.at(i));
      return array;
    }
    case Kind::kDict:
      return convert_dict(value.as<Dict>(), depth - 1);
    default:
      return fail(fmt::format("cannot convert {} to JSON", type_name(value)));
  }
}

}  // namespace

Value from_json(Heap& heap, const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::boolean(json.get<bool>());
    case Json::value_t::number_integer:
      return Value::integer(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      return heap.integer_u64(json.get<uint64_t>());
    case Json::value_t::number_float:
      return Value::real(json.get<double>());
    case Json::value_t::string:
      return heap.string(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(from_json(heap, item));
      return heap.list(std::move(items));
    }
    case Json::value_t::object: {
      Value dict = heap.dict();
      for (const auto& [key, item] : json.items()) {
        // Cannot fail: the dict is new and strings are hashable.
        static_cast<void>(dict.as<Dict>().set(heap.string(key), from_json(heap, item)));
      }
      return dict;
    }
    default:
      return Value::none();
  }
}

Result<Json> to_json(const Value& value) { return convert(value, kMaxDepth); }

}  // namespace mishap::starlark
